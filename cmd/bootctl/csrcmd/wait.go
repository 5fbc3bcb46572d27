package csrcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

type waitOptions struct {
	node    string
	timeout time.Duration
}

func (o *waitOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.node, "node", "", "wait for the newest request of the node of this `name`, and for that to appear")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "give up after this long")
}

func newWait(e *cli.Env) *cobra.Command {
	var o waitOptions
	cmd := &cobra.Command{
		Use:   "wait NAME | --node NODE",
		Short: "Wait for the certificate of a request, and print it",
		Long: `Waits until the request has its certificate, and prints that in PEM. A request
that is denied or failed ends the wait at once, with exit code 5. What is waited
for is said on stderr; after half a minute also which approver or signer has not
acted. At the end of --timeout the code is 6.

Needs get and watch on certificatesigningrequests, list with --node, and to say
who is silent, create on subjectaccessreviews.`,
		Example:     "  bootctl csr wait node-csr-4eJ2 --timeout 2m > worker-1.crt",
		Annotations: map[string]string{cli.FormatsAnnotation: "pem"},
		RunE: func(cmd *cobra.Command, names []string) error {
			return runWait(cmd.Context(), e, o, names)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	cmd.ValidArgsFunction = completeRequests(e, 1)
	cli.CompleteWith(cmd, "node", completeNodes(e))
	return cmd
}

func runWait(ctx context.Context, e *cli.Env, o waitOptions, names []string) error {
	names, err := oneRequest(names, o.node)
	if err != nil {
		return err
	}
	if o.timeout <= 0 {
		return fmt.Errorf("%w: --timeout %s leaves no time", failure.ErrUsage, o.timeout)
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	request, err := findRequest(e, ctx, client, names, o.node)
	if err != nil {
		return err
	}
	text, err := waitForCertificate(e, ctx, client, request)
	if err != nil {
		return err
	}
	v, err := issuedView(request, text)
	if err != nil {
		return err
	}
	return e.Print(v)
}

// findRequest returns the request of that name, or the newest of the node, which
// it waits for.
func findRequest(e *cli.Env, ctx context.Context, client *kubeclient.Client, names []string, node string) (csr.Request, error) {
	if len(names) == 1 {
		return csr.Get(ctx, client.Certificates, names[0])
	}
	var request csr.Request
	err := kubeclient.Until(ctx, kubeclient.Wait{Transient: mayAppear, Observer: e.Observe}, func(ctx context.Context) error {
		var err error
		request, err = newestOfNode(ctx, client, node)
		return err
	})
	return request, err
}

// mayAppear says whether what was not found may still come.
func mayAppear(err error) bool { return errors.Is(err, csr.ErrNotFound) || kubeclient.IsTransient(err) }

// newestOfNode returns the newest request of a node, unless two are pending.
func newestOfNode(ctx context.Context, client *kubeclient.Client, node string) (csr.Request, error) {
	var newest csr.Request
	var rivals approval.Conflicts
	err := csr.List(ctx, client.Certificates, csr.Filter{SignerName: csr.KubeletClient, Node: node}, func(r csr.Request) error {
		rivals.Add(r)
		if newest.Name == "" || r.Created.After(newest.Created) {
			newest = r
		}
		return nil
	})
	switch others := rivals.Of(newest); {
	case err != nil:
		return csr.Request{}, err
	case newest.Name == "":
		return csr.Request{}, fmt.Errorf("node %s: %w", node, csr.ErrNotFound)
	case newest.IsPending() && len(others) > 0:
		return csr.Request{}, &approval.ConflictError{Name: newest.Name, NodeName: node, Others: others}
	}
	return newest, nil
}

// waitForCertificate waits for the certificate of a request, and says meanwhile
// what for.
func waitForCertificate(e *cli.Env, ctx context.Context, client *kubeclient.Client, request csr.Request) ([]byte, error) {
	return csr.Wait(ctx, client.Certificates, request.Stored(), csr.WaitOptions{
		Observer: e.Observe,
		Explain: func(r csr.Request) string {
			return csr.Explain(r, autoApproval(ctx, client, r))
		},
	})
}

// autoApproval finds out whether the cluster approves the request by itself; who
// may not ask does not know.
func autoApproval(ctx context.Context, client *kubeclient.Client, r csr.Request) csr.AutoApproval {
	return (&approval.AutoApprovals{Client: client.Authorization, Reviews: 2}).Of(ctx, r)
}

// issuedView shows a certificate that was issued.
func issuedView(request csr.Request, text []byte) (cli.Result, error) {
	certs, err := certpem.Parse(text)
	if err != nil {
		return cli.Result{}, fmt.Errorf("request %s: %w: %w", request.Name, csr.ErrCertificate, err)
	}
	text = append(bytes.TrimSpace(text), '\n')
	object := output.RequestedCertificate{
		Meta: output.Kind("RequestedCertificate"), Request: certificateRequest(request),
		Certificate: &output.Certificate{
			PEM: string(text), Subject: certs[0].Subject.String(), Issuer: certs[0].Issuer.String(),
			NotBefore: certs[0].NotBefore.UTC(), NotAfter: certs[0].NotAfter.UTC(),
		},
	}
	object.Request.Conditions = []string{csr.Approved, csr.Issued}
	return cli.Result{
		Object: object, Names: []cli.Name{cmdutil.CSRResource.Reference(request.Name)}, Text: string(text),
		Header: []string{"REQUEST", request.Name},
		Rows: [][]string{
			{"subject", object.Certificate.Subject}, {"issued by", object.Certificate.Issuer},
			{"valid", object.Certificate.NotBefore.Format(time.RFC3339) + " to " + object.Certificate.NotAfter.Format(time.RFC3339)},
			{"key", object.Request.Key + " " + object.Request.Fingerprint},
		},
		Formats: map[string]string{"pem": string(text)},
	}, nil
}

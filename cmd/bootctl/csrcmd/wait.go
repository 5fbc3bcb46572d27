package csrcmd

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

type waitOptions struct {
	node, signer string
	timeout      time.Duration
}

func (o *waitOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.node, "node", "", "wait for the newest CSR of the node with this `name`, also if none exists yet")
	addSignerFlag(fs, &o.signer)
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "maximum time to wait")
}

func newWait(e *cli.Env) *cobra.Command {
	var o waitOptions
	cmd := &cobra.Command{
		Use:   "wait NAME | --node NODE",
		Short: "Wait for a CSR's certificate and print it",
		Long: `Wait for a CSR's certificate and print it.

Prints the certificate as PEM (-o pem). Prints what it is waiting for on stderr
and, after 30 s, the approver or signer that has not responded.

Exits with code 5 immediately if the CSR is denied or failed, with code 6 at
--timeout, and with code 3 if the CSR does not exist.

Permissions:
  get and watch on certificatesigningrequests
  list on certificatesigningrequests, with --node
  create on subjectaccessreviews, optional

The optional permission shows which controller is not running.`,
		Example: `  # Wait for the certificate of a CSR and save it
  bootctl csr wait node-csr-4eJ2 --timeout 2m > worker-1.crt

  # Wait until a node creates a CSR and its certificate is issued
  bootctl csr wait --node worker-1`,
		Annotations: map[string]string{cli.FormatsAnnotation: "pem"},
		RunE:        func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, 1)
	completeFilter(e, cmd)
	return cmd
}

func (o waitOptions) validate(named []csr.Request) error {
	return cmp.Or(cli.UsageIf(o.timeout <= 0, "--timeout must be positive, not %s", o.timeout), checkOne(named, o.node))
}

func (o waitOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	named, client, err := begin(e, args, "", o.validate)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	request, err := o.find(ctx, e, client, named)
	if err != nil {
		return err
	}
	text, err := approval.Wait(ctx, client, request, e.Observe)
	if err != nil {
		return err
	}
	v, err := issuedView(request, text)
	if err != nil {
		return err
	}
	return e.Print(v)
}

// find returns the named CSR, or waits until the node has one and returns the newest.
func (o waitOptions) find(ctx context.Context, e *cli.Env, client *kubeclient.Client, named []csr.Request) (csr.Request, error) {
	if o.node == "" {
		return csr.Get(ctx, client.Certificates, named[0])
	}
	return untilFound(ctx, e, func(ctx context.Context) (csr.Request, error) {
		return approval.FindNewest(ctx, client.Certificates, csr.Filter{Node: o.node, SignerName: o.signer})
	})
}

// untilFound calls find until it returns a CSR or an error that waiting cannot fix.
func untilFound(ctx context.Context, e *cli.Env, find func(context.Context) (csr.Request, error)) (found csr.Request, err error) {
	mayAppear := func(err error) bool {
		return errors.Is(err, csr.ErrNotFound) || errors.Is(err, approval.ErrFingerprintMismatch) || kubeclient.IsTransient(err)
	}
	err = kubeclient.Until(ctx, kubeclient.Wait{Transient: mayAppear, Observer: e.Observe}, func(ctx context.Context) error {
		found, err = find(ctx)
		return err
	})
	return found, err
}

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
		RunE:        func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, 1)
	cli.CompleteWith(cmd, "node", completeNodes(e))
	return cmd
}

func (o waitOptions) validate(named []csr.Request) error {
	return cmp.Or(cli.UsageIf(o.timeout <= 0, "--timeout %s leaves no time", o.timeout), checkOne(named, o.node))
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

// find returns the named CSR, or waits for one of the node and returns its newest.
func (o waitOptions) find(ctx context.Context, e *cli.Env, client *kubeclient.Client, named []csr.Request) (csr.Request, error) {
	if o.node == "" {
		return csr.Get(ctx, client.Certificates, named[0])
	}
	return untilFound(ctx, e, func(ctx context.Context) (csr.Request, error) {
		return approval.FindNewest(ctx, client.Certificates, o.node)
	})
}

// untilFound repeats find while the CSR may still appear.
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

package csrcmd

import (
	"context"
	"fmt"
	"math"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

type deleteOptions struct {
	uid            string
	denied, failed bool
	olderThan      string
}

func (o *deleteOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.uid, "uid", "", "delete only the request of this `UID`, whatever bears the name now")
	fs.BoolVar(&o.denied, "denied", false, "all that were denied")
	fs.BoolVar(&o.failed, "failed", false, "all that their signer failed")
	fs.StringVar(&o.olderThan, "older-than", "", "of these, only those of at least this `age`, such as 10m or 2d")
}

func newDelete(e *cli.Env) *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:   "delete NAME... | --denied | --failed",
		Short: "Delete decided certificate signing requests, so that a node can ask again",
		Long: `Deletes requests that have been decided on: those named, or all that were denied
or failed. A node asks under one name as long as its key is the same, so a denied
or failed request stands in its way until it is deleted; its next attempt then
asks anew. Certificates that were issued stay valid.

A request that nobody has decided on is not deleted, since whoever waits for it
would be left without an answer: exit code 5. The UID of what was read goes with
the deletion.

Needs get or list, and delete, on certificatesigningrequests.`,
		Example: `  bootctl csr delete node-csr-4eJ2
  bootctl csr delete --denied --failed --older-than 1h`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return runDelete(cmd.Context(), e, o, names)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	cmd.ValidArgsFunction = completeRequests(e, math.MaxInt)
	return cmd
}

func runDelete(ctx context.Context, e *cli.Env, o deleteOptions, names []string) error {
	selected := o.denied || o.failed
	switch {
	case len(names) == 0 && !selected:
		return fmt.Errorf("%w: name requests, or give --denied or --failed", failure.ErrUsage)
	case len(names) > 0 && (selected || o.olderThan != ""):
		return fmt.Errorf("%w: requests were named, and --denied, --failed or --older-than given too", failure.ErrUsage)
	case o.uid != "" && len(names) != 1:
		return fmt.Errorf("%w: --uid is of one request, and %d were named", failure.ErrUsage, len(names))
	}
	names, err := requestNames(names)
	if err != nil {
		return err
	}
	var filter csr.Filter
	if o.olderThan != "" {
		age, err := cli.ParseDuration("--older-than", o.olderThan)
		if err != nil {
			return err
		}
		filter.Before = e.Now().Add(-age)
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	var requests []csr.Request
	if selected {
		if requests, err = o.decided(ctx, client, filter); err != nil {
			return err
		}
	}
	outcomes := make([]cli.Outcome, len(names)+len(requests))
	e.Concurrently(ctx, "deleted", len(outcomes), func(ctx context.Context, i int) {
		var request csr.Request
		var err error
		if selected {
			request = requests[i]
		} else if request, err = getRequest(ctx, client, names[i], o.uid); err != nil {
			request.Name = names[i]
		}
		if err == nil {
			err = approval.Delete(ctx, client.Certificates, request)
		}
		outcomes[i] = cli.Outcome{Result: output.Result{Name: request.Name, Result: "deleted", UID: request.UID}, Err: err}
	})
	return e.PrintOutcomes(outcomes, cmdutil.CSRResource.Reference)
}

// decided lists what --denied and --failed mean.
func (o deleteOptions) decided(ctx context.Context, client *kubeclient.Client, filter csr.Filter) ([]csr.Request, error) {
	var requests []csr.Request
	err := csr.List(ctx, client.Certificates, filter, func(r csr.Request) error {
		if o.denied && r.Is(csr.Denied) || o.failed && r.Is(csr.Failed) {
			requests = append(requests, r)
		}
		return nil
	})
	return requests, err
}

package csrcmd

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

type deleteOptions struct {
	filterOptions
	denied, failed bool
}

func (o *deleteOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.UID, "uid", "", "delete only the request of this `UID`, whatever bears the name now")
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
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, math.MaxInt)
	return cmd
}

func (o deleteOptions) validate(named []csr.Request) error {
	selected := o.denied || o.failed
	_, err := o.filter(time.Time{})
	return cmp.Or(
		cli.UsageIf(len(named) == 0 && !selected, "name requests, or give --denied or --failed"),
		cli.UsageIf(len(named) > 0 && (selected || o.olderThan != ""),
			"requests were named, and --denied, --failed or --older-than given too"),
		cli.UsageIf(o.UID != "" && len(named) != 1, "--uid is of one request, and %d were named", len(named)),
		err,
	)
}

func (o deleteOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	requests, client, err := begin(e, args, o.UID, o.validate)
	if err != nil {
		return err
	}
	if len(requests) == 0 {
		if requests, err = o.decided(ctx, e, client); err != nil {
			return err
		}
	}
	outcomes := make([]cli.Outcome, len(requests))
	e.Concurrently(ctx, "deleted", len(outcomes), func(ctx context.Context, i int) {
		request, err := approval.Delete(ctx, client.Certificates, requests[i])
		outcomes[i] = cli.Outcome{Result: output.Result{Name: requests[i].Name, Result: "deleted", UID: request.UID}, Err: err}
	})
	return e.PrintOutcomes(outcomes, cmdutil.CSRResource.Reference)
}

// decided returns the CSRs that --denied and --failed select.
func (o deleteOptions) decided(ctx context.Context, e *cli.Env, client *kubeclient.Client) (requests []csr.Request, err error) {
	filter, err := o.filter(e.Now())
	if err != nil {
		return nil, err
	}
	err = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error {
		if o.denied && r.Is(csr.Denied) || o.failed && r.Is(csr.Failed) {
			requests = append(requests, r)
		}
		return nil
	})
	return requests, err
}

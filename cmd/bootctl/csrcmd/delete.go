package csrcmd

import (
	"cmp"
	"context"
	"fmt"
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
	fs.StringVar(&o.UID, "uid", "", "delete only the CSR with this `UID`")
	fs.BoolVar(&o.denied, "denied", false, "delete all denied CSRs")
	fs.BoolVar(&o.failed, "failed", false, "delete all CSRs that a signer has marked as failed")
	fs.StringVar(&o.Node, "node", "", "delete the CSRs for the node with this `name`, or only its denied or failed ones")
	fs.StringVar(&o.olderThan, "older-than", "", "with --denied, --failed, or --node, only CSRs of at least this `age`, such as 10m or 2d")
}

func newDelete(e *cli.Env) *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:   "delete NAME... | --denied | --failed | --node NODE",
		Short: "Delete decided CSRs so that nodes can try again",
		Long: `Delete decided CSRs so that nodes can try again.

A node's CSR name is derived from its key, so a denied or failed CSR blocks the
node until you delete it; the node's next attempt then creates a new CSR. Issued
certificates remain valid.

--denied and --failed together select both; --node and --older-than restrict
them further. --node alone selects all CSRs for the node, for any signer.

Pending CSRs are not deleted, because a client may be waiting for the decision.
The deletion applies only to the object that was read, by its UID.

Exits with code 5 if a CSR selected by name or by --node alone is pending, and
with code 3 if a named CSR does not exist or --node selects none.

Permissions:
  get on certificatesigningrequests
  list on certificatesigningrequests, with --denied, --failed, and --node
  delete on certificatesigningrequests`,
		Example: `  # Delete a denied CSR
  bootctl csr delete node-csr-4eJ2

  # Delete the denied CSRs for a node, so that it can join again
  bootctl csr delete --node worker-1 --denied

  # Delete all denied and failed CSRs that are at least an hour old
  bootctl csr delete --denied --failed --older-than 1h`,
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, math.MaxInt)
	cli.CompleteWith(cmd, "node", completeNodes(e, csr.Filter{}))
	return cmd
}

func (o deleteOptions) validate(named []csr.Request) error {
	selected := o.denied || o.failed || o.Node != ""
	_, err := o.filter(time.Time{})
	return cmp.Or(
		cli.UsageIf(len(named) == 0 && !selected, "specify CSRs by name, or use --denied, --failed, or --node"),
		cli.UsageIf(len(named) > 0 && (selected || o.olderThan != ""),
			"CSR names cannot be used with --denied, --failed, --node, or --older-than"),
		cli.UsageIf(o.UID != "" && len(named) != 1, "--uid applies to a single CSR, but %d were named", len(named)),
		err,
	)
}

func (o deleteOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	requests, client, err := begin(e, args, o.UID, o.validate)
	if err != nil {
		return err
	}
	if len(requests) == 0 {
		if requests, err = o.selected(ctx, e, client); err != nil {
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

// selected returns the CSRs that the flags select, or an error that matches csr.ErrNotFound
// if --node selects none.
func (o deleteOptions) selected(ctx context.Context, e *cli.Env, client *kubeclient.Client) (requests []csr.Request, err error) {
	filter, err := o.filter(e.Now())
	if err != nil {
		return nil, err
	}
	err = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error {
		if o.denied && r.Is(csr.Denied) || o.failed && r.Is(csr.Failed) || !o.denied && !o.failed {
			requests = append(requests, r)
		}
		return nil
	})
	if err == nil && len(requests) == 0 && o.Node != "" {
		err = fmt.Errorf("node %s: %w", o.Node, csr.ErrNotFound)
	}
	return requests, err
}

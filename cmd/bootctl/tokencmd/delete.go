package tokencmd

import (
	"cmp"
	"context"
	"math"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

type deleteOptions struct{ expired, ignoreNotFound, denyPending, dryRun bool }

func (o *deleteOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.expired, "expired", false, "all tokens that have expired, but not kubeadm's own for kubeadm-certs")
	fs.BoolVar(&o.ignoreNotFound, "ignore-not-found", false, "count a token that is not there as deleted")
	fs.BoolVar(&o.denyPending, "deny-pending", false, "deny the pending requests that were made with the tokens")
	fs.BoolVar(&o.dryRun, "dry-run", false, "say what would be deleted, and delete nothing")
}

func newDelete(e *cli.Env) *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:   "delete ID... | --expired",
		Short: "Delete bootstrap tokens",
		Long: `Deletes tokens by their IDs, or all that have expired, at once and for good. All are
tried, whatever becomes of the others. Where a whole token is given its secret must
be the cluster's, else it is another token that was meant: exit code 9. A token that
is changed meanwhile, extended for example, is not deleted.

Requests that were made with a token outlive it, and may be approved without it.
Those that nobody has decided on are named, and denied with --deny-pending, also
where the token is gone already.

Needs get and delete on secrets in kube-system, with --expired list; list on
certificatesigningrequests to name the requests; with --deny-pending update on
certificatesigningrequests/approval and approve on their signers.`,
		Example: `  bootctl token delete k3x9q2 --deny-pending
  bootctl token delete --expired`,
		ValidArgsFunction: completeTokens(e, math.MaxInt),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), e, args) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o deleteOptions) validate(args []string) error {
	return cmp.Or(
		cli.UsageIf(len(args) == 0 && !o.expired, "name tokens by their IDs, or give --expired"),
		cli.UsageIf(len(args) > 0 && o.expired, "tokens were named, and --expired given too"),
	)
}

func (o deleteOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	if err := o.validate(args); err != nil {
		return err
	}
	wanted, err := namedTokens(e, args)
	if err != nil {
		return err
	}
	client, err := e.Client()
	if err == nil && o.denyPending && !o.dryRun { // before the tokens are gone
		err = approval.CheckAccess(ctx, client.Authorization, csr.KubeletClient)
	}
	if err == nil && o.expired {
		wanted, err = expiredTokens(ctx, e, client)
	}
	if err != nil {
		return err
	}
	outcomes := make([]cli.Outcome, len(wanted))
	e.Concurrently(ctx, "deleted", len(wanted), func(ctx context.Context, i int) {
		outcomes[i] = o.deleteToken(ctx, client, wanted[i])
	})
	denyErr := o.pending(ctx, e, client, outcomes)
	return cli.JoinErrors(e.PrintOutcomes(outcomes, cmdutil.TokenReference), denyErr)
}

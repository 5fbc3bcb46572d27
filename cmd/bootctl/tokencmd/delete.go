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
	fs.BoolVar(&o.expired, "expired", false, "delete all expired tokens, except kubeadm's own for kubeadm-certs")
	fs.BoolVar(&o.ignoreNotFound, "ignore-not-found", false, "treat a missing token as deleted")
	fs.BoolVar(&o.denyPending, "deny-pending", false, "deny the pending CSRs that were created with the tokens")
	fs.BoolVar(&o.dryRun, "dry-run", false, "print what would be deleted, without deleting it")
}

func newDelete(e *cli.Env) *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:   "delete ID... | --expired",
		Short: "Delete bootstrap tokens",
		Long: `Delete bootstrap tokens.

Deletes tokens by ID, or all expired tokens, immediately and permanently. If one
deletion fails, the others are still tried. If you pass a full token and its
secret does not match, that token is not deleted and the command exits with code
9. A token that is changed at the same time, for example extended, is not
deleted.

CSRs that were created with a token remain after the token is deleted, and can
still be approved. Pending ones are listed, or denied with --deny-pending, even
if the token no longer exists.

Permissions:
  get and delete on secrets in kube-system
  list on secrets in kube-system, with --expired
  list on certificatesigningrequests, optional
  update on certificatesigningrequests/approval, with --deny-pending
  approve on the signer, with --deny-pending

The optional permission shows pending CSRs; --deny-pending requires it.`,
		Example: `  # Delete a token and deny the pending CSRs that were created with it
  bootctl token delete k3x9q2 --deny-pending

  # Delete all expired tokens
  bootctl token delete --expired`,
		ValidArgsFunction: completeTokens(e, math.MaxInt),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), e, args) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o deleteOptions) validate(args []string) error {
	return cmp.Or(
		cli.UsageIf(len(args) == 0 && !o.expired, "name tokens by their IDs, or use --expired"),
		cli.UsageIf(len(args) > 0 && o.expired, "ID and --expired cannot be used together"),
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

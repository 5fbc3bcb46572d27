package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

type deleteOptions struct {
	expired        bool
	ignoreNotFound bool
	denyPending    bool
	dryRun         bool
}

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
		ValidArgsFunction: completeTokenIDs(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDelete(cmd.Context(), e, o, args)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

func runDelete(ctx context.Context, e *cli.Env, o deleteOptions, args []string) error {
	switch {
	case len(args) == 0 && !o.expired:
		return fmt.Errorf("%w: name tokens by their IDs, or give --expired", failure.ErrUsage)
	case len(args) > 0 && o.expired:
		return fmt.Errorf("%w: tokens were named, and --expired given too", failure.ErrUsage)
	}
	var wanted []tokenArgument
	for i, arg := range args {
		one, err := tokenArgumentOf(e, arg)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		if !slices.Contains(wanted, one) {
			wanted = append(wanted, one)
		}
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	if o.denyPending && !o.dryRun { // before the tokens are gone
		if err := approval.CheckAccess(ctx, client.Authorization, csr.KubeletClient); err != nil {
			return err
		}
	}
	var outcomes []cli.Outcome
	if o.expired {
		outcomes, err = o.deleteExpired(ctx, e, client)
	} else {
		outcomes = o.deleteNamed(ctx, e, client, wanted)
	}
	if err != nil {
		return err
	}
	denyErr := o.pending(ctx, e, client, outcomes)
	return cli.JoinErrors(e.PrintOutcomes(outcomes, cmdutil.TokenReference), denyErr)
}

func (o deleteOptions) deleteNamed(ctx context.Context, e *cli.Env, client *kubeclient.Client, wanted []tokenArgument) []cli.Outcome {
	outcomes := make([]cli.Outcome, len(wanted))
	e.Concurrently(ctx, "deleted", len(wanted), func(ctx context.Context, i int) {
		info, err := wanted[i].get(ctx, client)
		result := output.Result{Name: wanted[i].id, UID: info.UID}
		if err == nil {
			result.Result, err = o.delete(ctx, client, info)
		}
		if o.ignoreNotFound && errors.Is(err, token.ErrNotFound) {
			result.Result, err = "not there", nil
		}
		outcomes[i] = cli.Outcome{Result: result, Err: err}
	})
	return outcomes
}

func (o deleteOptions) deleteExpired(ctx context.Context, e *cli.Env, client *kubeclient.Client) ([]cli.Outcome, error) {
	infos, err := token.List(ctx, client.Core)
	if err != nil {
		return nil, err
	}
	infos = slices.DeleteFunc(infos, func(info token.Info) bool { return !info.Expired(e.Now()) || skipKubeadmToken(e, info) })
	outcomes := make([]cli.Outcome, len(infos))
	e.Concurrently(ctx, "deleted", len(infos), func(ctx context.Context, i int) {
		result := output.Result{Name: infos[i].SecretName, UID: infos[i].UID}
		if infos[i].ID != "" {
			result.Name = infos[i].ID
		}
		var err error
		result.Result, err = o.delete(ctx, client, infos[i])
		if errors.Is(err, token.ErrNotFound) { // the token cleaner was there first
			result.Result, err = "deleted", nil
		}
		outcomes[i] = cli.Outcome{Result: result, Err: err}
	})
	return outcomes, nil
}

// skipKubeadmToken says whether an expired token is kubeadm's to delete, and tells of it.
func skipKubeadmToken(e *cli.Env, info token.Info) bool {
	if info.IsProxy() {
		e.Progress("token " + info.ID + " is spared: the Secret kubeadm-certs is deleted with it")
	}
	return info.IsProxy()
}

func (o deleteOptions) delete(ctx context.Context, client *kubeclient.Client, info token.Info) (string, error) {
	if o.dryRun {
		return "would be deleted", nil
	}
	return "deleted", token.Delete(ctx, client.Core, info)
}

// pending looks after the requests that were made with the tokens and that nobody
// has decided on: after the tokens are gone, so that no more come.
func (o deleteOptions) pending(ctx context.Context, e *cli.Env, client *kubeclient.Client, outcomes []cli.Outcome) error {
	byUser := map[string]*cli.Outcome{}
	for i := range outcomes {
		if outcomes[i].Err == nil || errors.Is(outcomes[i].Err, token.ErrNotFound) {
			byUser[api.BootstrapUserPrefix+outcomes[i].Name] = &outcomes[i]
		}
	}
	if len(byUser) == 0 {
		return nil
	}
	var requests []csr.Request
	err := csr.List(ctx, client.Certificates, csr.Filter{Condition: csr.Pending}, func(r csr.Request) error {
		if byUser[r.Username] != nil {
			requests = append(requests, r)
		}
		return nil
	})
	switch {
	case err != nil && o.denyPending:
		return fmt.Errorf("the requests of the tokens are not denied: %w", err)
	case err != nil:
		e.Warn("requests that were made with the tokens may be pending still: " + err.Error())
		return nil
	}
	failed := &failure.BulkError{Total: len(requests)}
	for _, r := range requests {
		made := byUser[r.Username]
		switch err := o.deny(ctx, client, r); {
		case err != nil:
			failed.Errs = append(failed.Errs, err)
			fallthrough
		case !o.denyPending || o.dryRun:
			made.PendingRequests = append(made.PendingRequests, r.Name)
		default:
			made.DeniedRequests = append(made.DeniedRequests, r.Name)
		}
	}
	reportPendingRequests(e, o, outcomes)
	return e.ReportFailures(failed)
}

func (o deleteOptions) deny(ctx context.Context, client *kubeclient.Client, r csr.Request) error {
	if !o.denyPending || o.dryRun {
		return nil
	}
	if err := approval.CheckAccess(ctx, client.Authorization, r.SignerName); err != nil {
		return err
	}
	return approval.Deny(ctx, client.Certificates, r, "TokenDeleted", "the bootstrap token that it was made with was deleted")
}

// reportPendingRequests names the requests that are still pending, and those that were
// denied.
func reportPendingRequests(e *cli.Env, o deleteOptions, outcomes []cli.Outcome) {
	for _, made := range outcomes {
		switch pending := made.PendingRequests; {
		case len(pending) == 0:
		case o.denyPending && o.dryRun:
			e.Progress(fmt.Sprintf("requests made with token %s would be denied: %s", made.Name, FirstN(pending)))
		default:
			e.Warn(fmt.Sprintf("requests made with token %s are pending and may still be approved: %s; to be rid of them: bootctl token delete %s --deny-pending --ignore-not-found",
				made.Name, FirstN(pending), made.Name))
		}
		if len(made.DeniedRequests) > 0 {
			e.Progress(fmt.Sprintf("requests made with token %s were denied: %s", made.Name, FirstN(made.DeniedRequests)))
		}
	}
}

// FirstN names the first of many.
func FirstN(names []string) string {
	const named = 5
	if len(names) <= named {
		return strings.Join(names, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:named], " "), len(names)-named)
}

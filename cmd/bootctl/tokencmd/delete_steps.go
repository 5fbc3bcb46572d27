package tokencmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// expiredTokens returns the expired tokens, except those that kubeadm manages.
func expiredTokens(ctx context.Context, e *cli.Env, client *kubeclient.Client) ([]token.Info, error) {
	infos, err := token.List(ctx, client.Core)
	var expired []token.Info
	for _, info := range infos {
		switch {
		case !info.Expired(e.Now()):
		case info.IsProxy():
			e.Progress("token " + info.ID + " is skipped: deleting it also deletes the Secret kubeadm-certs")
		default:
			expired = append(expired, info)
		}
	}
	return expired, err
}

// deleteToken deletes one token unless it has changed since it was read.
func (o deleteOptions) deleteToken(ctx context.Context, client *kubeclient.Client, wanted token.Info) cli.Outcome {
	info, err := getToken(ctx, client, wanted)
	result := output.Result{Name: cmp.Or(wanted.ID, wanted.SecretName), UID: info.UID, Result: "deleted"}
	switch {
	case err != nil:
	case o.dryRun:
		result.Result = "would be deleted"
	default:
		err = token.Delete(ctx, client.Core, info)
	}
	if errors.Is(err, token.ErrNotFound) && (o.expired || o.ignoreNotFound) {
		err = nil
		if !o.expired { // otherwise the token cleaner deleted it in the meantime
			result.Result = "not found"
		}
	}
	return cli.Outcome{Result: result, Err: err}
}

// pending reports or denies the pending CSRs that were created with the tokens, once the
// tokens are deleted, so that no new CSR can follow.
func (o deleteOptions) pending(ctx context.Context, e *cli.Env, client *kubeclient.Client, outcomes []cli.Outcome) error {
	var ids []string
	for _, outcome := range outcomes {
		if outcome.Err == nil || errors.Is(outcome.Err, token.ErrNotFound) {
			ids = append(ids, outcome.Name)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	requests, err := approval.PendingByToken(ctx, client.Certificates, ids)
	switch {
	case err != nil && o.denyPending:
		return fmt.Errorf("the CSRs of the tokens were not denied: %w", err)
	case err != nil:
		e.Warn("CSRs that were created with the tokens may still be pending: " + kubeclient.Message(err))
		return nil
	}
	failed := &failure.BulkError{}
	denial := approval.Denial{Reason: "TokenDeleted", Message: "the bootstrap token that created this CSR was deleted"}
	for i := range outcomes {
		outcome := &outcomes[i]
		failed.Total += len(requests[outcome.Name])
		for _, r := range requests[outcome.Name] {
			if !o.denyPending || o.dryRun {
				outcome.PendingCSRs = append(outcome.PendingCSRs, r.Name)
			} else if _, err := approval.Deny(ctx, client, r, denial); err != nil {
				failed.Errs = append(failed.Errs, err)
				outcome.PendingCSRs = append(outcome.PendingCSRs, r.Name)
			} else {
				outcome.DeniedCSRs = append(outcome.DeniedCSRs, r.Name)
			}
		}
		o.reportPending(e, *outcome)
	}
	return e.ReportFailures(failed)
}

// reportPending prints the CSRs of a token that are still pending, and those that
// were denied.
func (o deleteOptions) reportPending(e *cli.Env, outcome cli.Outcome) {
	pending, denied := escape.FirstN(outcome.PendingCSRs, 5, " "), escape.FirstN(outcome.DeniedCSRs, 5, " ")
	switch {
	case pending == "":
	case o.denyPending && o.dryRun:
		e.Progress(fmt.Sprintf("CSRs created with token %s would be denied: %s", outcome.Name, pending))
	default:
		e.Warn(fmt.Sprintf("CSRs created with token %s are pending and can still be approved: %s; to deny them, run: bootctl token delete %s --deny-pending --ignore-not-found",
			outcome.Name, pending, outcome.Name))
	}
	if denied != "" {
		e.Progress(fmt.Sprintf("CSRs created with token %s were denied: %s", outcome.Name, denied))
	}
}

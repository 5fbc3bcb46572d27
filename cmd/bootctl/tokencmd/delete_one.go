package tokencmd

import (
	"context"
	"errors"
	"slices"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// expiredTokens returns the tokens that have expired and are not kubeadm's to delete.
func expiredTokens(ctx context.Context, e *cli.Env, client *kubeclient.Client) ([]token.Info, error) {
	infos, err := token.List(ctx, client.Core)
	return slices.DeleteFunc(infos, func(info token.Info) bool { return !info.Expired(e.Now()) || skipKubeadmToken(e, info) }), err
}

// skipKubeadmToken reports whether an expired token is kubeadm's to delete, and prints that.
func skipKubeadmToken(e *cli.Env, info token.Info) bool {
	if info.IsProxy() {
		e.Progress("token " + info.ID + " is spared: the Secret kubeadm-certs is deleted with it")
	}
	return info.IsProxy()
}

// deleteToken deletes a token as it was read, which ended with err.
func (o deleteOptions) deleteToken(ctx context.Context, client *kubeclient.Client, name string, info token.Info, err error) cli.Outcome {
	result := output.Result{Name: name, UID: info.UID, Result: "deleted"}
	switch {
	case err != nil:
	case o.dryRun:
		result.Result = "would be deleted"
	default:
		err = token.Delete(ctx, client.Core, info)
	}
	if errors.Is(err, token.ErrNotFound) && (o.expired || o.ignoreNotFound) {
		err = nil
		if !o.expired { // otherwise the token cleaner deleted it meanwhile
			result.Result = "not there"
		}
	}
	return cli.Outcome{Result: result, Err: err}
}

package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// nothingMade reports whether the probe has created nothing.
func (r *probeRun) nothingMade() bool { return r.token.Token.IsZero() }

// cleanUp removes what the probe created, or may have created.
func (r *probeRun) cleanUp(ctx context.Context) ([]Finding, error) {
	var left, commands []string
	if err := r.untilGone(ctx, r.removeToken); err != nil {
		left = append(left, err.Error())
		commands = append(commands, "bootctl token delete "+r.token.Token.ID())
	}
	if r.wanted != nil {
		r.client.Close()
		if err := r.untilGone(ctx, r.removeRequest); err != nil {
			left = append(left, err.Error())
			commands = append(commands, "kubectl delete csr "+r.wanted.Name)
		}
	}
	if len(left) > 0 {
		return one(FAIL, ProbeLeft,
			fmt.Sprintf("%s; the token ends at %s, and the cluster deletes the request within a day", strings.Join(left, "; "), timeText(r.token.Expires)),
			strings.Join(commands, "; ")), nil
	}
	return ok("%s removed", cmp.Or(strings.Join(r.removed, " and "), "nothing")), nil
}

// untilGone retries a removal that failed because of a temporary error or a conflict.
func (r *probeRun) untilGone(ctx context.Context, remove func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, removalTime)
	defer cancel()
	wait := kubeclient.Wait{Transient: func(err error) bool { return errors.Is(err, token.ErrChanged) || kubeclient.IsTransient(err) }}
	return kubeclient.Until(ctx, wait, remove)
}

// removeToken deletes the token, and no token that others created with its ID.
func (r *probeRun) removeToken(ctx context.Context) error {
	now, err := token.Get(ctx, r.Core, r.token.Token.ID())
	switch {
	case errors.Is(err, token.ErrNotFound):
		return nil
	case err != nil:
		return err
	case now.Matches(r.token.Token) != nil, r.token.UID != "" && now.UID != r.token.UID:
		return nil
	}
	if err := token.Delete(ctx, r.Core, now); err != nil && !errors.Is(err, token.ErrNotFound) {
		return err
	}
	r.removed = append(r.removed, "token "+now.ID)
	return nil
}

// removeRequest deletes the CSR, and no CSR that others created with its name.
func (r *probeRun) removeRequest(ctx context.Context) error {
	now, err := csr.Get(ctx, r.Certificates, r.wanted.Name)
	switch {
	case errors.Is(err, csr.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !r.isOurs(now):
		return nil
	}
	if err := csr.DeleteOwn(ctx, r.Certificates, now); err != nil && !errors.Is(err, csr.ErrNotFound) && !errors.Is(err, csr.ErrReplaced) {
		return err
	}
	r.removed = append(r.removed, "request "+now.Name)
	return nil
}

func (r *probeRun) isOurs(found csr.Request) bool {
	if r.request != nil {
		return found.UID == string(r.request.UID)
	}
	return found.PKCS10 != nil && csr.Fingerprint(found.PKCS10.PublicKey) == csr.Fingerprint(r.key.Public())
}

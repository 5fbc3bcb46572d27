package tokencmd

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// manyTokens is about half the number of signatures for which cluster-info has room.
const manyTokens = 6000

// warnIfFull warns if cluster-info has little room for more signatures.
func warnIfFull(ctx context.Context, e *cli.Env, client *kubeclient.Client, infos []token.Info) {
	signing := token.CountSigning(infos, e.Now())
	if signing < manyTokens {
		return
	}
	room := fmt.Sprintf("about %d", 2*manyTokens)
	if info, err := clusterinfo.Fetch(ctx, client.Core); err == nil {
		room = fmt.Sprintf("%d; beyond that it is signed with no new token: delete unused tokens, or create tokens with --usages authentication", info.Capacity())
	}
	e.Warn(fmt.Sprintf("cluster-info must be signed with %d tokens and has room for %s", signing, room))
}

// view returns the output for the tokens.
func (o listOptions) view(e *cli.Env, infos []token.Info) cli.Result {
	list := output.TokenList{Meta: output.Kind("TokenList"), Items: make([]output.TokenInfo, 0, len(infos))}
	v := cli.Result{
		Header: []string{"ID", "TTL", "EXPIRES", "USAGES", "GROUPS", "DESCRIPTION", "STATUS"},
		Wide:   []string{"SECRET"},
	}
	if o.showSecrets {
		v.Header[0] = "TOKEN"
	}
	for _, info := range infos {
		item := cmdutil.TokenInfo(info, e.Now())
		if o.showSecrets && !info.Token.IsZero() {
			item.Token = info.Token.Reveal()
		}
		if item.ID != "" {
			v.Names = append(v.Names, cmdutil.TokenReference(item.ID))
		}
		list.Items = append(list.Items, item)
		if e.Global.PrintsTable() {
			v.Rows = append(v.Rows, tokenRow(item, e.Now()))
		}
	}
	v.Object = list
	return v
}

func tokenRow(item output.TokenInfo, now time.Time) []string {
	ttl, expires := "never", "never"
	switch {
	case item.Expires == nil && item.Expired:
		ttl, expires = "expired", "unreadable"
	case item.Expired:
		ttl, expires = "expired", item.Expires.Format(time.RFC3339)
	case item.Expires != nil:
		ttl, expires = cli.HumanDuration(item.Expires.Sub(now)), item.Expires.Format(time.RFC3339)
	}
	return []string{
		cmp.Or(item.Token, item.ID), ttl, expires, strings.Join(item.Usages, ","), strings.Join(item.Groups, ","),
		item.Description, cmdutil.TokenStatus(item), item.SecretName,
	}
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

type tokenListOptions struct {
	showSecrets bool
	expired     bool
	usage       string
	group       string
}

func (o *tokenListOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.showSecrets, "show-secrets", false, "print whole tokens, not only their IDs")
	fs.BoolVar(&o.expired, "expired", false, "only tokens that have expired")
	fs.StringVar(&o.usage, "usage", "", "only tokens with this `usage`, signing or authentication")
	fs.StringVar(&o.group, "group", "", "only tokens with this extra `group`")
	refuse(fs, map[string]string{
		"dry-run":             changesNothing,
		"show-managed-fields": "the list has no managed fields: it is bootctl's own document",
	})
}

const changesNothing = "the command changes nothing"

func newTokenList(e *env) *cobra.Command {
	var o tokenListOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List bootstrap tokens",
		Long: `Lists the bootstrap tokens in the order of their IDs and says of each what the API
server would: valid, expired, or unusable and why. Secrets of the type of tokens that
are none stand in the list, too. All given filters must fit.

When the signing tokens come near to what cluster-info has room for, it warns.

Needs list on secrets in kube-system.`,
		Example: `  bootctl token list
  bootctl token list --expired -q`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runTokenList(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	e.addConnectionFlags(cmd)
	complete(cmd, "usage", token.Signing, token.Authentication)
	return cmd
}

func runTokenList(ctx context.Context, e *env, o tokenListOptions) error {
	if o.usage != "" && o.usage != token.Signing && o.usage != token.Authentication {
		return fmt.Errorf("%w: --usage %q is neither %s nor %s", failure.ErrUsage, o.usage, token.Signing, token.Authentication)
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	infos, err := token.List(ctx, client.Core)
	if err != nil {
		return err
	}
	e.warnIfFull(ctx, client, infos)
	infos = slices.DeleteFunc(infos, func(info token.Info) bool { return !o.fits(info, e.now()) })
	v, items := o.view(infos, e.now())
	if e.printsTable() {
		for _, item := range items {
			v.rows = append(v.rows, tokenRow(cmp.Or(item.Token, item.ID), item, e.now()))
		}
	}
	return e.print(v)
}

func (o tokenListOptions) fits(info token.Info, now time.Time) bool {
	return (!o.expired || info.Expired(now)) &&
		(o.usage == "" || info.Has(o.usage)) &&
		(o.group == "" || slices.Contains(info.Groups, o.group))
}

// manyTokens is about half of what an otherwise empty cluster-info has room for.
const manyTokens = 6000

// warnIfFull warns when cluster-info has little room for more signing tokens.
func (e *env) warnIfFull(ctx context.Context, client *apiclient.Client, infos []token.Info) {
	signing := 0
	for _, info := range infos {
		if info.Signs(e.now()) {
			signing++
		}
	}
	if signing < manyTokens {
		return
	}
	info, err := clusterinfo.Fetch(ctx, client.Core)
	if err != nil {
		e.warn(fmt.Sprintf("cluster-info is to be signed with %d tokens, and has room for about %d", signing, 2*manyTokens))
		return
	}
	e.warn(fmt.Sprintf("cluster-info is to be signed with %d tokens, and has room for %d: past that no new token is signed; delete what is not needed, and give tokens that need not sign --usages authentication", signing, info.Capacity()))
}

// view is the list but for the rows of its table.
func (o tokenListOptions) view(infos []token.Info, now time.Time) (view, []output.TokenInfo) {
	items := make([]output.TokenInfo, 0, len(infos))
	v := view{
		header: []string{"ID", "TTL", "EXPIRES", "USAGES", "GROUPS", "DESCRIPTION", "STATUS"},
		wide:   []string{"SECRET"},
	}
	if o.showSecrets {
		v.header[0] = "TOKEN"
	}
	for _, info := range infos {
		item := tokenInfo(info, now)
		item.Token = o.shown(info)
		items = append(items, item)
		if item.ID != "" {
			v.names = append(v.names, tokenReference(item.ID))
		}
	}
	v.object = output.TokenList{Meta: output.Kind("TokenList"), Items: items}
	return v, items
}

// shown is the whole token where it was asked for.
func (o tokenListOptions) shown(info token.Info) string {
	if o.showSecrets && !info.Token.IsZero() {
		return info.Token.Reveal()
	}
	return ""
}

func tokenRow(first string, item output.TokenInfo, now time.Time) []string {
	ttl, expires := "never", "never"
	if item.Expired {
		ttl, expires = "over", "unreadable"
	}
	if item.Expires != nil {
		ttl, expires = lifetime(item.Expires.Sub(now)), item.Expires.Format(time.RFC3339)
	}
	return []string{first, ttl, expires, strings.Join(item.Usages, ","), strings.Join(item.Groups, ","), item.Description, statusText(item), item.SecretName}
}

// statusText says in a cell what the API server would say.
func statusText(item output.TokenInfo) string {
	switch {
	case item.Status == statusProxy:
		return "proxy of kubeadm-certs"
	case item.Status == statusValid && !slices.Contains(item.Usages, token.Authentication):
		return "valid, for signing alone"
	}
	return joinedNonEmpty(": ", item.Status, item.Problem)
}

// What the list says of a token.
const (
	statusValid    = "valid"
	statusExpired  = "expired"
	statusUnusable = "unusable"
	statusProxy    = "proxy"
)

// tokenInfo returns what the contract says of a token, without its secret.
func tokenInfo(info token.Info, now time.Time) output.TokenInfo {
	out := output.TokenInfo{
		ID:          info.ID,
		SecretName:  info.SecretName,
		Usages:      orEmpty(info.Usages),
		Groups:      orEmpty(info.Groups),
		Description: info.Description,
		Status:      statusValid,
		Expired:     info.Expired(now),
		Problem:     info.Problem,
	}
	if !info.Expires.IsZero() {
		expires := info.Expires.UTC().Truncate(time.Second)
		out.Expires = &expires
	}
	switch {
	case info.Problem == "" && info.Expired(now):
		out.Status = statusExpired
	case info.IsProxy() && info.Expired(now):
		out.Status, out.Problem = statusExpired, ""
	case info.IsProxy():
		out.Status, out.Problem = statusProxy, ""
	case info.Problem != "":
		out.Status = statusUnusable
	}
	return out
}

// orEmpty makes a list of the contract print as [] rather than null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

package tokencmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

type listOptions struct {
	showSecrets bool
	expired     bool
	usage       string
	group       string
}

func (o *listOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.showSecrets, "show-secrets", false, "print whole tokens, not only their IDs")
	fs.BoolVar(&o.expired, "expired", false, "only tokens that have expired")
	fs.StringVar(&o.usage, "usage", "", "only tokens with this `usage`, signing or authentication")
	fs.StringVar(&o.group, "group", "", "only tokens with this extra `group`")
	cli.RejectFlags(fs, map[string]string{
		"dry-run":             readOnlyCommand,
		"show-managed-fields": "the list has no managed fields: it is bootctl's own document",
	})
}

const readOnlyCommand = "the command changes nothing"

func newList(e *cli.Env) *cobra.Command {
	var o listOptions
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
			return runList(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	cli.CompleteValues(cmd, "usage", token.Signing, token.Authentication)
	return cmd
}

func runList(ctx context.Context, e *cli.Env, o listOptions) error {
	if o.usage != "" && o.usage != token.Signing && o.usage != token.Authentication {
		return fmt.Errorf("%w: --usage %q is neither %s nor %s", failure.ErrUsage, o.usage, token.Signing, token.Authentication)
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	infos, err := token.List(ctx, client.Core)
	if err != nil {
		return err
	}
	warnIfFull(e, ctx, client, infos)
	infos = slices.DeleteFunc(infos, func(info token.Info) bool { return !o.fits(info, e.Now()) })
	v, items := o.view(infos, e.Now())
	if e.PrintsTable() {
		for _, item := range items {
			v.Rows = append(v.Rows, tokenRow(cmp.Or(item.Token, item.ID), item, e.Now()))
		}
	}
	return e.Print(v)
}

func (o listOptions) fits(info token.Info, now time.Time) bool {
	return (!o.expired || info.Expired(now)) &&
		(o.usage == "" || info.Has(o.usage)) &&
		(o.group == "" || slices.Contains(info.Groups, o.group))
}

// manyTokens is about half of what an otherwise empty cluster-info has room for.
const manyTokens = 6000

// warnIfFull warns when cluster-info has little room for more signing tokens.
func warnIfFull(e *cli.Env, ctx context.Context, client *kubeclient.Client, infos []token.Info) {
	signing := 0
	for _, info := range infos {
		if info.Signs(e.Now()) {
			signing++
		}
	}
	if signing < manyTokens {
		return
	}
	info, err := clusterinfo.Fetch(ctx, client.Core)
	if err != nil {
		e.Warn(fmt.Sprintf("cluster-info is to be signed with %d tokens, and has room for about %d", signing, 2*manyTokens))
		return
	}
	e.Warn(fmt.Sprintf("cluster-info is to be signed with %d tokens, and has room for %d: past that no new token is signed; delete what is not needed, and give tokens that need not sign --usages authentication", signing, info.Capacity()))
}

// view is the list but for the rows of its table.
func (o listOptions) view(infos []token.Info, now time.Time) (cli.Result, []output.TokenInfo) {
	items := make([]output.TokenInfo, 0, len(infos))
	v := cli.Result{
		Header: []string{"ID", "TTL", "EXPIRES", "USAGES", "GROUPS", "DESCRIPTION", "STATUS"},
		Wide:   []string{"SECRET"},
	}
	if o.showSecrets {
		v.Header[0] = "TOKEN"
	}
	for _, info := range infos {
		item := cmdutil.TokenInfo(info, now)
		item.Token = o.shown(info)
		items = append(items, item)
		if item.ID != "" {
			v.Names = append(v.Names, cmdutil.TokenReference(item.ID))
		}
	}
	v.Object = output.TokenList{Meta: output.Kind("TokenList"), Items: items}
	return v, items
}

// shown is the whole token where it was asked for.
func (o listOptions) shown(info token.Info) string {
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
		ttl, expires = cli.HumanDuration(item.Expires.Sub(now)), item.Expires.Format(time.RFC3339)
	}
	return []string{first, ttl, expires, strings.Join(item.Usages, ","), strings.Join(item.Groups, ","), item.Description, cmdutil.TokenStatus(item), item.SecretName}
}

package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

type tokenListOptions struct {
	showSecrets bool
}

func (o *tokenListOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.showSecrets, "show-secrets", false, "print whole tokens, not only their IDs")
}

func newTokenList(e *env) *cobra.Command {
	var o tokenListOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List bootstrap tokens",
		Long: `Lists the bootstrap tokens and says of each what the API server would: valid,
expired, or unusable and why.

Needs list on secrets in kube-system.`,
		Example: "  bootctl token list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runTokenList(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runTokenList(ctx context.Context, e *env, o tokenListOptions) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	infos, err := token.List(ctx, client.Core)
	if err != nil {
		return err
	}
	list := output.TokenList{Meta: output.Kind("TokenList"), Items: []output.TokenInfo{}}
	v := view{header: []string{"ID", "TTL", "USAGES", "GROUPS", "DESCRIPTION", "STATUS"}, wide: []string{"EXPIRES", "SECRET"}}
	if o.showSecrets {
		v.header[0] = "TOKEN"
	}
	for _, info := range infos {
		item := tokenInfo(info, e.now())
		first := item.ID
		if o.showSecrets && !info.Token.IsZero() {
			item.Token = info.Token.Reveal()
			first = item.Token
		}
		list.Items = append(list.Items, item)
		if item.ID != "" {
			v.names = append(v.names, item.ID)
		}
		v.rows = append(v.rows, tokenRow(first, item, e.now()))
	}
	v.object = list
	return e.print(v)
}

func tokenRow(first string, item output.TokenInfo, now time.Time) []string {
	ttl, expires, status := "never", "never", item.Status
	if item.Expires != nil {
		ttl, expires = lifetime(item.Expires.Sub(now)), item.Expires.Format(time.RFC3339)
	}
	if item.Problem != "" {
		status += ": " + item.Problem
	}
	return []string{first, ttl, strings.Join(item.Usages, ","), strings.Join(item.Groups, ","), item.Description, status, expires, item.SecretName}
}

// tokenInfo returns what the contract says of a token, without its secret.
func tokenInfo(info token.Info, now time.Time) output.TokenInfo {
	out := output.TokenInfo{
		ID:          info.ID,
		SecretName:  info.SecretName,
		Usages:      orEmpty(info.Usages),
		Groups:      orEmpty(info.Groups),
		Description: info.Description,
		Status:      "valid",
		Problem:     info.Problem,
	}
	if !info.Expires.IsZero() {
		expires := info.Expires.UTC().Truncate(time.Second)
		out.Expires = &expires
	}
	switch {
	case info.Problem != "":
		out.Status = "unusable"
	case !info.Live(now):
		out.Status = "expired"
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

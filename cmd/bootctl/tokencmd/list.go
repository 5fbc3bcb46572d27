package tokencmd

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/token"
)

type listOptions struct {
	showSecrets, expired bool
	usage, group         string
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
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	cli.CompleteValues(cmd, "usage", token.Signing, token.Authentication)
	return cmd
}

func (o listOptions) validate() error {
	return cli.UsageIf(!slices.Contains([]string{"", token.Signing, token.Authentication}, o.usage),
		"--usage %q is neither %s nor %s", o.usage, token.Signing, token.Authentication)
}

func (o listOptions) run(ctx context.Context, e *cli.Env) error {
	if err := o.validate(); err != nil {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	infos, err := token.List(ctx, client.Core)
	if err != nil {
		return err
	}
	warnIfFull(ctx, e, client, infos)
	infos = slices.DeleteFunc(infos, func(info token.Info) bool {
		return o.expired && !info.Expired(e.Now()) || o.usage != "" && !info.Has(o.usage) || o.group != "" && !slices.Contains(info.Groups, o.group)
	})
	return e.Print(o.view(e, infos))
}

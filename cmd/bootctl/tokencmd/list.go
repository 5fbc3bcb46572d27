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
	fs.BoolVar(&o.showSecrets, "show-secrets", false, "print full tokens instead of IDs")
	fs.BoolVar(&o.expired, "expired", false, "list only expired tokens")
	fs.StringVar(&o.usage, "usage", "", "list only tokens with the `usage` signing or authentication")
	fs.StringVar(&o.group, "group", "", "list only tokens with the extra `group`")
	cli.RejectFlags(fs, map[string]string{
		"dry-run":             readOnlyCommand,
		"show-managed-fields": "bootctl prints its own document, which has no managed fields",
	})
}

const readOnlyCommand = "the command changes nothing"

func newList(e *cli.Env) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List bootstrap tokens",
		Long: `List bootstrap tokens.

Lists the tokens by ID with their status for the API server: valid, expired, or
unusable and why. Also lists Secrets of type bootstrap.kubernetes.io/token that
are not valid tokens. Filters are combined with AND.

Prints a warning if cluster-info has little room for more signatures.

Permissions:
  list on secrets in kube-system`,
		Example: `  # List all tokens
  bootctl token list

  # Print the IDs of expired tokens
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

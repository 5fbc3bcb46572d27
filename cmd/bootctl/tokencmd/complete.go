package tokencmd

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/token"
)

// completeTokenIDs offers the IDs of the cluster's tokens, each with what its
// description says.
func completeTokenIDs(e *cli.Env) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return tokenIDs(e, cmd, given)
	}
}

func tokenIDs(e *cli.Env, cmd *cobra.Command, given []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), cli.CompletionTimeout)
	defer cancel()
	if len(given) > 0 && cmd.Args != nil && cmd.Args(cmd, append(given, "")) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := e.Client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	infos, err := token.List(ctx, client.Core)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	for _, info := range infos {
		if info.ID != "" && !slices.Contains(given, info.ID) {
			item := cmdutil.TokenInfo(info, e.Now())
			found = append(found, cobra.CompletionWithDesc(info.ID, escape.Text(cmp.Or(info.Description, item.Status))))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

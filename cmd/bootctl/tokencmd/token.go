package tokencmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// New returns the commands for bootstrap tokens.
func New(e *cli.Env) *cobra.Command {
	cmd := cli.Group("token", "Create, list, check, extend, and delete bootstrap tokens",
		newCreate(e), newList(e), newDelete(e), newExtend(e), newCheck(e))
	for _, verb := range cmd.Commands() {
		e.AddConnectionFlags(verb)
	}
	cmd.AddCommand(newGenerate(e)) // it contacts no server
	cli.RejectFlags(cmd.PersistentFlags(), map[string]string{
		"rootfs":  "token commands do not use the files of a root directory",
		"vmodule": cli.VModuleUnsupported,
	})
	return cmd
}

// namedToken parses an ID, the name of a token's Secret, or a full token. The returned
// token has no other fields.
func namedToken(e *cli.Env, text string) (token.Info, error) {
	id, err := cmdutil.TokenName(text)
	if err == nil && id == "" && len(text) <= len("abcdef.") { // too short for a full token
		_, err = token.ParseID(text)
	}
	if err != nil || id != "" {
		return token.Info{ID: id}, err
	}
	tok, err := cmdutil.PlainToken(e, text, "use its ID instead")
	return token.Info{ID: tok.ID(), Spec: token.Spec{Token: tok}}, err
}

// namedTokens parses several arguments and returns each token once.
func namedTokens(e *cli.Env, args []string) ([]token.Info, error) {
	var wanted []token.Info
	for i, arg := range args {
		one, err := namedToken(e, arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		if !slices.ContainsFunc(wanted, func(other token.Info) bool { return other.ID == one.ID && other.Token == one.Token }) {
			wanted = append(wanted, one)
		}
	}
	return wanted, nil
}

// getToken reads a named token, unless it was read before. The secret of a full token must
// match the cluster's.
func getToken(ctx context.Context, client *kubeclient.Client, wanted token.Info) (token.Info, error) {
	if wanted.SecretName != "" {
		return wanted, nil
	}
	info, err := token.Get(ctx, client.Core, wanted.ID)
	if err == nil && !wanted.Token.IsZero() {
		err = info.Matches(wanted.Token)
	}
	return info, err
}

// completeTokens completes the IDs of the cluster's tokens, each with its description or
// status. most is the maximum number of IDs on one command line.
func completeTokens(e *cli.Env, most int) cobra.CompletionFunc {
	return e.CompleteNames(most, func(ctx context.Context, client *kubeclient.Client, offer func(name, description string)) {
		infos, _ := token.List(ctx, client.Core)
		for _, info := range infos {
			offer(info.ID, cmp.Or(info.Description, cmdutil.TokenInfo(info, e.Now()).Status))
		}
	})
}

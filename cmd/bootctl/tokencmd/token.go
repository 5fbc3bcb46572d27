package tokencmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// New returns the commands about bootstrap tokens.
func New(e *cli.Env) *cobra.Command {
	cmd := cli.Group("token", "Make, list, check and delete bootstrap tokens",
		newCreate(e), newList(e), newDelete(e), newExtend(e), newGenerate(e), newCheck(e))
	cli.RejectFlags(cmd.PersistentFlags(), map[string]string{
		"rootfs":  "no command about tokens reads or writes files below another root",
		"vmodule": cli.VModuleUnsupported,
	})
	return cmd
}

// tokenArgumentOf is a token of the cluster as the command line names it.
type tokenArgument struct {
	id string
	// whole is the token where all of it was given, and not only its ID.
	whole token.Token
}

// tokenArgumentOf reads an ID, the name of a token's Secret, or a whole token.
func tokenArgumentOf(e *cli.Env, text string) (tokenArgument, error) {
	id, err := cmdutil.TokenName(text)
	if err != nil || id != "" {
		return tokenArgument{id: id}, err
	}
	if len(text) <= len("abcdef.") { // nothing that anyone would take for a token
		_, err := token.ParseID(text)
		return tokenArgument{}, err
	}
	tok, err := token.Parse(text)
	if err == nil {
		e.Warn("a token on the command line can be seen by every user of this machine; its ID is enough")
	}
	return tokenArgument{tok.ID(), tok}, err
}

// tokenArguments reads several arguments, each token once.
func tokenArguments(e *cli.Env, args []string) ([]tokenArgument, error) {
	var wanted []tokenArgument
	for i, arg := range args {
		one, err := tokenArgumentOf(e, arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		if !slices.Contains(wanted, one) {
			wanted = append(wanted, one)
		}
	}
	return wanted, nil
}

// get reads the token. Where all of it was given, its secret must be the
// cluster's.
func (a tokenArgument) get(ctx context.Context, client *kubeclient.Client) (token.Info, error) {
	info, err := token.Get(ctx, client.Core, a.id)
	if err == nil && !a.whole.IsZero() {
		err = info.Matches(a.whole)
	}
	return info, err
}

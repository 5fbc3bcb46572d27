package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/token"
)

func newToken(e *env) *cobra.Command {
	cmd := group("token", "Make, list, check and delete bootstrap tokens",
		newTokenCreate(e), newTokenList(e), newTokenDelete(e), newTokenExtend(e), newTokenGenerate(e), newTokenCheck(e))
	refuse(cmd.PersistentFlags(), map[string]string{
		"rootfs":  "no command about tokens reads or writes files below another root",
		"vmodule": oneLog,
	})
	return cmd
}

// tokenArgument is a token of the cluster as the command line names it.
type tokenArgument struct {
	id string
	// whole is the token where all of it was given, and not only its ID.
	whole token.Token
}

// tokenArgument reads an ID, or a whole token.
func (e *env) tokenArgument(text string) (tokenArgument, error) {
	id, err := token.ParseID(text)
	if err == nil {
		return tokenArgument{id: id}, nil
	}
	if len(text) <= len("abcdef.") { // nothing that anyone would take for a token
		return tokenArgument{}, err
	}
	tok, err := token.Parse(text)
	if err == nil {
		e.warn("a token on the command line can be seen by every user of this machine; its ID is enough")
	}
	return tokenArgument{tok.ID(), tok}, err
}

// get reads the token. Where all of it was given, its secret must be the
// cluster's.
func (a tokenArgument) get(ctx context.Context, client *apiclient.Client) (token.Info, error) {
	info, err := token.Get(ctx, client.Core, a.id)
	if err == nil && !a.whole.IsZero() {
		err = info.Matches(a.whole)
	}
	return info, err
}

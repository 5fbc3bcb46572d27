package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/failure"
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

// tokenName returns the ID in an argument that names a token by it, or by its
// Secret as kubectl prints and takes that: secret/bootstrap-token-ID. Of anything
// else that may be a token it returns none.
func tokenName(text string) (string, error) {
	name, err := secretResource.argument(text)
	if err != nil {
		return "", err
	}
	if id, ok := strings.CutPrefix(name, api.BootstrapTokenSecretPrefix); ok {
		return token.ParseID(id)
	}
	if name != text {
		return "", fmt.Errorf("%w: %q is not the Secret of a bootstrap token, whose name is %sID", failure.ErrUsage, text, api.BootstrapTokenSecretPrefix)
	}
	if _, err := token.ParseID(text); err != nil {
		return "", nil
	}
	return text, nil
}

// tokenArgument reads an ID, the name of a token's Secret, or a whole token.
func (e *env) tokenArgument(text string) (tokenArgument, error) {
	id, err := tokenName(text)
	if err != nil || id != "" {
		return tokenArgument{id: id}, err
	}
	if len(text) <= len("abcdef.") { // nothing that anyone would take for a token
		_, err := token.ParseID(text)
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

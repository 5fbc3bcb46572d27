package main

import (
	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

func newTokenGenerate(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Draw a random bootstrap token, and create nothing",
		Long: `Prints a random token that no cluster knows yet, for a cluster that is yet to be made,
or for bootctl token create --token-file. It asks no server.`,
		Example: "  bootctl token generate",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return runTokenGenerate(e)
		},
	}
	refuse(cmd.Flags(), map[string]string{"dry-run": changesNothing, "kubeconfig": "the command asks no server"})
	return cmd
}

func runTokenGenerate(e *env) error {
	tok, err := token.Generate(e.random)
	if err != nil {
		return err
	}
	object := output.GeneratedToken{Meta: output.Kind("GeneratedToken"), ID: tok.ID(), Token: tok.Reveal()}
	return e.print(view{object: object, names: bareReferences(object.Token), text: object.Token + "\n"})
}

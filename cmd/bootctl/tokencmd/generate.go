package tokencmd

import (
	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

func newGenerate(e *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Generate a random bootstrap token without creating it in a cluster",
		Long: `Generate a random bootstrap token without creating it in a cluster.

Prints a token for a cluster that does not exist yet, or for bootctl token
create --token-file. The command does not contact a server.`,
		Example: `  # Write a random token to a file
  (umask 077; bootctl token generate > token)`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runGenerate(e) },
	}
	cli.RejectFlags(cmd.Flags(), map[string]string{"dry-run": readOnlyCommand, "kubeconfig": "the command does not contact a server"})
	return cmd
}

func runGenerate(e *cli.Env) error {
	tok, err := token.Generate(e.Random)
	if err != nil {
		return err
	}
	object := output.GeneratedToken{Meta: output.Kind("GeneratedToken"), ID: tok.ID(), Token: tok.Reveal()}
	return e.Print(cli.Result{Object: object, Names: []cli.Name{{Bare: object.Token}}, Text: object.Token + "\n"})
}

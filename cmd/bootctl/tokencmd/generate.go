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
		Short: "Draw a random bootstrap token, and create nothing",
		Long: `Prints a random token that no cluster knows yet, for a cluster that is yet to be made,
or for bootctl token create --token-file. It asks no server.`,
		Example: "  bootctl token generate",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runGenerate(e) },
	}
	cli.RejectFlags(cmd.Flags(), map[string]string{"dry-run": readOnlyCommand, "kubeconfig": "the command asks no server"})
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

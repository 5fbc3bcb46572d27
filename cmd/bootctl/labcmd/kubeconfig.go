package labcmd

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
)

func newKubeconfig(e *cli.Env) *cobra.Command {
	var o labOptions
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the administrator's kubeconfig of the lab",
		Long: `Prints the kubeconfig of the lab's administrator, key included: who can read it owns
the lab. With -q it prints the path of the file instead.`,
		Example: "  bootctl lab kubeconfig > lab.conf",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runKubeconfig(e, o) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runKubeconfig(e *cli.Env, o labOptions) error {
	l, err := o.lab(e, o.validate)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(l.Kubeconfig())
	if err != nil {
		return notStarted(l, err)
	}
	return printStatus(e, l, string(text), l.Kubeconfig())
}

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
		Long: `Print the administrator's kubeconfig of the lab.

The kubeconfig contains the private key of an administrator of the lab. With -q,
prints the path of the file instead.`,
		Example: `  # Copy the kubeconfig to a file
  (umask 077; bootctl lab kubeconfig > lab.conf)`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runKubeconfig(e, o) },
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

package labcmd

import (
	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
)

func newStatus(e *cli.Env) *cobra.Command {
	var o labOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the lab",
		Long: `Show the state of the lab.

Shows whether the lab is running, the address of its API server, its Kubernetes
version, its directory, and the flags of lab up that change its controllers or
components. The command does not contact a server.`,
		Example: `  # Print the address of the API server
  bootctl lab status -o jsonpath={.server}`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runStatus(e, o) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runStatus(e *cli.Env, o labOptions) error {
	l, err := o.lab(e, o.validate)
	if err != nil {
		return err
	}
	return printStatus(e, l, "", l.Dir)
}

package labcmd

import (
	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
)

func newStatus(e *cli.Env) *cobra.Command {
	var o labOptions
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Say whether the lab runs, and where",
		Long:    "Says whether the lab runs, where its API server listens and what it runs. It asks no server.",
		Example: "  bootctl lab status -o jsonpath={.server}",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runStatus(e, o) },
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

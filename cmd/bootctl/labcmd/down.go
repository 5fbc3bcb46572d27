package labcmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
)

type downOptions struct {
	labOptions
	delete bool
}

func newDown(e *cli.Env) *cobra.Command {
	var o downOptions
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the control plane of lab up",
		Long: `Stops the lab and returns when it has ended. One that is not running is no error.
Its address and data are kept for the next lab up, unless --delete is given.`,
		Example: "  bootctl lab down --delete",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.delete, "delete", false, "delete its data, keys and address, too")
	return cmd
}

func (o downOptions) run(ctx context.Context, e *cli.Env) error {
	l, err := o.lab(e, o.validate)
	if err != nil {
		return err
	}
	stopped, err := l.Down(ctx)
	if err != nil {
		return err
	}
	if !stopped {
		e.Progress("the lab was not running")
	}
	if o.delete && l.Exists() {
		if err := l.Delete(); err != nil {
			return err
		}
	}
	return printStatus(e, l, "", l.Dir)
}

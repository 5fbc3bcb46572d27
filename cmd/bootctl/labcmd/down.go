package labcmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
)

type downOptions struct {
	labOptions
	delete bool
}

func newDown(e *cli.Env) *cobra.Command {
	var o downOptions
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the lab",
		Long: `Stop the lab.

Returns when the process has exited. Stopping a lab that is not running is not
an error. Without --delete, the next bootctl lab up uses the same address and
data.`,
		Example: `  # Stop the lab and keep its data
  bootctl lab down

  # Stop the lab and delete its data, keys, and address
  bootctl lab down --delete`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.delete, "delete", false, "also delete the data, keys, and address of the lab")
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
	text := ""
	if o.delete && l.Exists() {
		if err := l.Delete(); err != nil {
			return err
		}
		text = "deleted " + escape.Text(l.Dir) + "\n"
	}
	return printStatus(e, l, text, l.Dir)
}

package labcmd

import (
	"cmp"
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/lab"
)

type logsOptions struct {
	labOptions
	follow bool
}

func newLogs(e *cli.Env) *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:     "logs",
		Short:   "Print the log of the lab",
		Long:    "Prints what etcd, kube-apiserver and the controllers of the lab have logged.",
		Example: "  bootctl lab logs --follow",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on printing what is added, until interrupted")
	return cmd
}

func (o logsOptions) validate(e *cli.Env) error {
	formatted := e.Global.Quiet || e.Global.Output != "" && e.Global.Output != "text"
	return cmp.Or(cli.UsageIf(formatted, "a log has one form, so -o and -q mean nothing here"), o.labOptions.validate(e))
}

func (o logsOptions) run(ctx context.Context, e *cli.Env) error {
	l, err := o.lab(e, o.validate)
	if err != nil {
		return err
	}
	logs, err := os.Open(l.LogFile())
	if err != nil {
		return notStarted(l, err)
	}
	defer logs.Close() //nolint:errcheck // only read
	if o.follow {
		return lab.Follow(ctx, e.Out, logs)
	}
	_, err = io.Copy(e.Out, logs)
	return err
}

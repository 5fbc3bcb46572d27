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
		Use:   "logs",
		Short: "Print the log of the lab",
		Long: `Print the log of the lab.

The log has the messages of etcd, kube-apiserver, and the controllers.`,
		Example: `  # Print the log, and follow it until interrupted
  bootctl lab logs --follow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "print new messages until interrupted")
	return cmd
}

func (o logsOptions) validate(e *cli.Env) error {
	formatted := e.Global.Quiet || e.Global.Output != "" && e.Global.Output != "text"
	return cmp.Or(cli.UsageIf(formatted, "-o and -q cannot be used with a log"), o.labOptions.validate(e))
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

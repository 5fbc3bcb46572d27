package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/failure"
)

type labLogsOptions struct {
	labOptions
	follow bool
}

func (o *labLogsOptions) addFlags(fs *pflag.FlagSet) {
	o.labOptions.addFlags(fs)
	fs.BoolVarP(&o.follow, "follow", "f", false, "go on printing what is added, until interrupted")
}

func newLabLogs(e *env) *cobra.Command {
	var o labLogsOptions
	cmd := &cobra.Command{
		Use:     "logs",
		Short:   "Print the log of the lab",
		Long:    "Prints what etcd, kube-apiserver and the controllers of the lab have logged.",
		Example: "  bootctl lab logs --follow",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runLabLogs(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runLabLogs(ctx context.Context, e *env, o labLogsOptions) error {
	if e.global.quiet || e.global.output != "" && e.global.output != "text" {
		return fmt.Errorf("%w: a log has one form, so -o and -q mean nothing here", failure.ErrUsage)
	}
	l, err := o.lab(e)
	if err != nil {
		return err
	}
	logs, err := l.Logs()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w, and never was in %s", failure.ErrLabNotStarted, l.Dir)
	}
	if err != nil {
		return err
	}
	defer logs.Close() //nolint:errcheck // only read
	if o.follow {
		err = l.Follow(ctx, e.Out)
	} else {
		_, err = io.Copy(e.Out, logs)
	}
	return err
}

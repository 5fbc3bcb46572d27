package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// errUsage marks errors in the command line.
var errUsage = errors.New("invalid command line")

// run runs the command line and returns the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := newRoot()
	root.AddCommand(newServe(), newVersion())
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	return report(errOut, err)
}

func newRoot() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bootctl-lab",
		Short: "Run a real Kubernetes control plane in one process",
		Long: `Run a real Kubernetes control plane in one process: etcd, kube-apiserver, and
the controllers for TLS bootstrapping, on loopback. "bootctl lab up" starts it.`,
		Args:              noArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(*cobra.Command, []string) error {
			return fmt.Errorf("%w: specify serve or version", errUsage)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w: %w", errUsage, err)
	})
	return cmd
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: unexpected %q", errUsage, args[0])
	}
	return nil
}

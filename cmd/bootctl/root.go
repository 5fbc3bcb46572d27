package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/cmd/bootctl/clusterinfocmd"
	"github.com/bootctl/bootctl/cmd/bootctl/csrcmd"
	"github.com/bootctl/bootctl/cmd/bootctl/doctorcmd"
	"github.com/bootctl/bootctl/cmd/bootctl/joincmd"
	"github.com/bootctl/bootctl/cmd/bootctl/labcmd"
	"github.com/bootctl/bootctl/cmd/bootctl/setupcmd"
	"github.com/bootctl/bootctl/cmd/bootctl/tokencmd"
	"github.com/bootctl/bootctl/internal/cli"
)

// newRoot returns the whole command tree.
func newRoot(e *cli.Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "bootctl",
		Short: "Kubernetes TLS bootstrap, from a bare machine to a signed node identity",
		Long: `bootctl does the whole of Kubernetes TLS bootstrap: bootstrap tokens, the signed
cluster-info, certificate signing requests, and join, which strings them together.

Exit codes tell what went wrong; docs/exit-codes.md lists them.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	e.Connection = cli.NewConnection()
	e.Global.AddFlags(root.PersistentFlags())
	cli.CompleteFormats(root)
	cli.ShowConnectionApart(root)
	root.AddCommand(
		tokencmd.New(e),
		clusterinfocmd.New(e),
		csrcmd.New(e),
		joincmd.New(e),
		setupcmd.New(e),
		doctorcmd.New(e),
		labcmd.New(e),
		newVersion(e),
	)
	return root
}

// run runs the command that args name and returns its exit code.
func run(ctx context.Context, e *cli.Env, args []string) int {
	return cli.Run(ctx, e, newRoot(e), args)
}

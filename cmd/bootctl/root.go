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
		Short: "Manage Kubernetes TLS bootstrapping",
		Long: `Manage Kubernetes TLS bootstrapping: bootstrap tokens, cluster-info, CSRs, and
joining nodes.`,
		Example: `  # Check whether nodes can join the cluster, and how to fix what prevents it.
  bootctl doctor

  # Create a token, in a file for the node.
  (umask 077; bootctl token create -o bootstrap-kubeconfig > bootstrap.conf)

  # On the node: get a certificate and write the kubelet's files.
  bootctl join --bootstrap-kubeconfig bootstrap.conf`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	e.Connection = cli.NewConnection()
	e.Global.AddFlags(root.PersistentFlags())
	cli.CompleteFormats(root)
	cli.SetHelp(root)
	addGroup(root, "Prepare and Diagnose:", setupcmd.New(e), doctorcmd.New(e))
	addGroup(root, "Tokens and Discovery:", tokencmd.New(e), clusterinfocmd.New(e))
	addGroup(root, "Certificates:", csrcmd.New(e))
	addGroup(root, "Nodes:", joincmd.New(e))
	addGroup(root, "Practice:", labcmd.New(e))
	root.AddGroup(&cobra.Group{Title: "Other Commands:"})
	root.AddCommand(newVersion(e), newExitCodes(e))
	return root
}

// addGroup adds commands that the help lists under a title.
func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = title
		root.AddCommand(cmd)
	}
}

// run runs the command that args name and returns its exit code.
func run(ctx context.Context, e *cli.Env, args []string) int {
	return cli.Run(ctx, e, newRoot(e), args)
}

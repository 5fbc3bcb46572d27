package main

import (
	"github.com/spf13/cobra"
)

func newLabStatus(e *env) *cobra.Command {
	var o labOptions
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Say whether the lab runs, and where",
		Long:    "Says whether the lab runs, where its API server listens and what it runs. It asks no server.",
		Example: "  bootctl lab status -o jsonpath={.server}",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return runLabStatus(e, o)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runLabStatus(e *env, o labOptions) error {
	l, err := o.lab(e)
	if err != nil {
		return err
	}
	status, err := l.Status()
	if err != nil {
		return err
	}
	return e.print(labView(l, status, ""))
}

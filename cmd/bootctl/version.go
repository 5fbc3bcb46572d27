package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/internal/version"
)

func newVersion(e *cli.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Print the version.

With -o json, also prints the commit, the Go version, and the platform. The
command does not contact a server.`,
		Example: `  # Print the version, the commit, and the platform
  bootctl version -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			commit, date := version.Commit()
			object := output.Version{
				Meta: output.Kind("Version"), Version: version.String(), Commit: commit, Date: date,
				GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
			}
			return e.Print(cli.Result{Object: object, Names: []cli.Name{{Bare: object.Version}}, Text: object.Version + "\n"})
		},
	}
}

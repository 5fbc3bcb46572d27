package clusterinfocmd

import (
	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
)

// New returns the commands for the ConfigMap cluster-info.
func New(e *cli.Env) *cobra.Command {
	return cli.Group("cluster-info", "Publish, sign, show, and verify the cluster-info ConfigMap",
		newShow(e), newVerify(e), newPublish(e), newSign(e), newPin(e))
}

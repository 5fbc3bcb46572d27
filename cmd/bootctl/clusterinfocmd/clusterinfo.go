package clusterinfocmd

import (
	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
)

// New returns the commands about the ConfigMap cluster-info.
func New(e *cli.Env) *cobra.Command {
	return cli.Group("cluster-info", "Read, write, sign and verify what nodes learn of the cluster",
		newShow(e), newVerify(e), newPublish(e), newSign(e), newPin(e))
}

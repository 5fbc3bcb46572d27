package labcmd

import (
	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
)

// New returns the commands about the lab.
func New(e *cli.Env) *cobra.Command {
	return cli.Group("lab", "Run a real control plane on this machine", newUp(e), newDown(e), newStatus(e), newLogs(e), newKubeconfig(e))
}

package main

import "github.com/spf13/cobra"

// newLab returns the commands about the lab.
func newLab(e *env) *cobra.Command {
	return group("lab", "Run a real control plane on this machine", newLabUp(e), newLabDown(e), newLabStatus(e), newLabLogs(e), newLabKubeconfig(e))
}

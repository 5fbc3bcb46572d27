package main

import "github.com/spf13/cobra"

// newClusterInfo returns the commands about the ConfigMap cluster-info.
func newClusterInfo(e *env) *cobra.Command {
	return group("cluster-info", "Read, write, sign and verify what nodes learn of the cluster",
		newClusterInfoShow(e), newClusterInfoVerify(e), newClusterInfoPublish(e), newClusterInfoSign(e), newClusterInfoPin(e))
}

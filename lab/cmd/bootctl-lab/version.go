package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/internal/version"
	"github.com/bootctl/bootctl/lab/controlplane"
)

func newVersion() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of bootctl-lab and of its Kubernetes components",
		Example: "  bootctl-lab version -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runVersion(cmd, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "output format, only json. Defaults to text")
	return cmd
}

func runVersion(cmd *cobra.Command, output string) error {
	v := lab.Version{Version: version.String(), KubernetesVersion: controlplane.KubernetesVersion()}
	switch output {
	case "":
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "bootctl-lab %s (Kubernetes %s)\n", v.Version, v.KubernetesVersion)
		return err
	case "json":
		return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
	}
	return fmt.Errorf("%w: output format %q is not supported, only json", errUsage, output)
}

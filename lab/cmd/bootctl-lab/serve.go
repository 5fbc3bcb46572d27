package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/internal/version"
	"github.com/bootctl/bootctl/lab/controlplane"
)

type serveOptions struct {
	dir     string
	without []string
	verbose bool

	apiserverArgs, managerArgs []string
}

func (o *serveOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.dir, "dir", "", "lab directory, created if missing (required)")
	fs.StringSliceVar(&o.without, "without", nil,
		"do not start the named controller, one of "+strings.Join(lab.Controllers(), ", "))
	fs.StringArrayVar(&o.apiserverArgs, "kube-apiserver-arg", nil,
		"kube-apiserver flag as `FLAG=VALUE`. Can be repeated")
	fs.StringArrayVar(&o.managerArgs, "kube-controller-manager-arg", nil,
		"kube-controller-manager flag as `FLAG=VALUE`. Can be repeated")
	fs.BoolVar(&o.verbose, "verbose", false, "log informational messages of the components also")
}

func newServe() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve --dir DIR",
		Short: "Run the control plane in the foreground",
		Long: `Run the control plane in the foreground until SIGTERM or SIGINT. When it is
ready, it prints one line of JSON with its address. All its data is in DIR. If
it fails, the last line on stderr is JSON with the reason code.`,
		Example: "  bootctl-lab serve --dir ./lab --without csrapproving",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runServe(cmd, o)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runServe(cmd *cobra.Command, o serveOptions) error {
	if o.dir == "" {
		return fmt.Errorf("%w: --dir is required", errUsage)
	}
	options := controlplane.Options{
		Dir:     o.dir,
		Without: o.without,
		Version: version.String(),
		Verbose: o.verbose,

		APIServerArgs:         o.apiserverArgs,
		ControllerManagerArgs: o.managerArgs,
	}
	return controlplane.Serve(cmd.Context(), options, func(r lab.Ready) error {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
	})
}

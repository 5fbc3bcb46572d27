package labcmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/internal/version"
)

type upOptions struct {
	labOptions
	lab.UpOptions
	timeout time.Duration
}

func (o *upOptions) addFlags(fs *pflag.FlagSet) {
	o.labOptions.addFlags(fs)
	fs.StringSliceVar(&o.Without, "without", nil, "leave this `controller` out: "+strings.Join(lab.Controllers(), ", ")+"; may be repeated")
	fs.StringArrayVar(&o.APIServerArgs, "kube-apiserver-arg", nil, "give the API server this flag, as `FLAG=VALUE`; may be repeated")
	fs.StringArrayVar(&o.ControllerManagerArgs, "kube-controller-manager-arg", nil, "give the controller manager this flag, as `FLAG=VALUE`; may be repeated")
	fs.DurationVar(&o.timeout, "timeout", 2*time.Minute, "give up after this long")
}

func newUp(e *cli.Env) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a real control plane on this machine",
		Long: `Starts etcd, kube-apiserver and the controllers of TLS bootstrap in one process in
the background, on loopback, waits until they are ready, and prints the command
that makes this shell use them. A lab that runs already is left as it is.

The lab stays when the terminal closes; lab down stops it. Its address and data
are kept until lab down --delete.

A flag of kube-apiserver or kube-controller-manager may be given to see what it
does, such as a fault that doctor is to find. It wins over the lab's own, and is
not kept: the next lab up takes only its own flags.

Needs the program bootctl-lab of the same version beside bootctl or on PATH.`,
		Example: `  eval "$(bootctl lab up)"
  bootctl lab up --without csrapproving --kube-apiserver-arg anonymous-auth=false`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	cli.CompleteValues(cmd, "without", lab.Controllers()...)
	cli.CompleteValues(cmd, "kube-apiserver-arg", "anonymous-auth=false", "enable-bootstrap-token-auth=false")
	cli.CompleteValues(cmd, "kube-controller-manager-arg", "cluster-signing-cert-file=", "cluster-signing-duration=")
	return cmd
}

func (o upOptions) validate(e *cli.Env) error {
	return cmp.Or(cli.UsageIf(o.timeout <= 0, "--timeout %s leaves no time", o.timeout), o.labOptions.validate(e))
}

func (o upOptions) run(ctx context.Context, e *cli.Env) error {
	l, err := o.lab(e, o.validate)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	self, err := e.Executable()
	if err != nil {
		return err
	}
	o.Observer = e.Observe
	o.Binary, err = lab.Find(ctx, self, e.Getenv("PATH"), version.String())
	var ready lab.Ready
	if err == nil {
		ready, err = l.Up(ctx, o.UpOptions)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", failure.ErrLabNotReady, err)
	}
	if err != nil {
		return err
	}
	status := lab.Status{Exists: true, Running: true, Pid: ready.Pid, Ready: &ready}
	return e.Print(labView(l, status, fmt.Sprintf("export KUBECONFIG=%s\n", escape.ShellPath(ready.Kubeconfig))))
}

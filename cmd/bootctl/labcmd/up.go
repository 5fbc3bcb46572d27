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
	fs.StringSliceVar(&o.Without, "without", nil, "`controller` that does not run; can be repeated")
	fs.StringArrayVar(&o.APIServerArgs, "kube-apiserver-arg", nil, "flag of kube-apiserver, as `FLAG=VALUE`; can be repeated")
	fs.StringArrayVar(&o.ControllerManagerArgs, "kube-controller-manager-arg", nil, "flag of kube-controller-manager, as `FLAG=VALUE`; can be repeated")
	fs.DurationVar(&o.timeout, "timeout", 2*time.Minute, "maximum time to wait")
}

func newUp(e *cli.Env) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a real control plane on this machine",
		Long: `Start a real control plane on this machine.

Starts etcd, kube-apiserver, and the controllers for TLS bootstrapping as one
background process on a loopback address, waits until they are ready, and prints
a shell command that sets KUBECONFIG. A running lab is left unchanged.

The lab keeps running when the terminal is closed. To stop it, run bootctl lab
down; its address and data are kept until bootctl lab down --delete.

--kube-apiserver-arg and --kube-controller-manager-arg override the lab's own
flags, for example to practice with a fault that bootctl doctor finds. They
apply to this run only. The values of --without are:
  ` + strings.Join(lab.Controllers(), ", ") + `

The program bootctl-lab must have the same version and be in the directory of
bootctl or on PATH.`,
		Example: `  # Start the lab and use it in this shell
  eval "$(bootctl lab up)"

  # Start a lab that nodes cannot join
  bootctl lab up --without csrapproving \
    --kube-apiserver-arg anonymous-auth=false`,
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
	return cmp.Or(cli.UsageIf(o.timeout <= 0, "--timeout must be positive, not %s", o.timeout), o.labOptions.validate(e))
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

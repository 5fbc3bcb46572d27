package labcmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/internal/output"
)

// New returns the commands for the lab.
func New(e *cli.Env) *cobra.Command {
	return cli.Group("lab", "Run a real control plane on this machine", newUp(e), newDown(e), newStatus(e), newLogs(e), newKubeconfig(e))
}

// labOptions are the flags of every lab command.
type labOptions struct{ dir string }

func (o *labOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.dir, "dir", "", "lab `directory`. Defaults to bootctl/lab in the XDG state directory")
}

// validate returns an error on systems that the lab does not support.
func (o labOptions) validate(e *cli.Env) error { return cli.RequireUnix(e.Goos, "lab") }

// lab returns the lab in the directory of the flags, or the error of validate.
func (o labOptions) lab(e *cli.Env, validate func(*cli.Env) error) (lab.Lab, error) {
	if err := validate(e); err != nil {
		return lab.Lab{}, err
	}
	dir, err := lab.DefaultDir(e.Getenv)
	if o.dir != "" {
		dir, err = filepath.Abs(o.dir)
	}
	return lab.Lab{Dir: dir}, err
}

// notStarted explains why a file of the lab cannot be read.
func notStarted(l lab.Lab, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no lab in %s", failure.ErrLabNotStarted, l.Dir)
	}
	return err
}

// printStatus prints the current state of a lab, or text if it is set, and with -q the path.
func printStatus(e *cli.Env, l lab.Lab, text, path string) error {
	status, err := l.Status()
	if err != nil {
		return err
	}
	v := labView(l, status, text)
	v.Names = []cli.Name{{Bare: path}}
	return e.Print(v)
}

// labView returns the output for the state of a lab. If text is set, it replaces the table.
func labView(l lab.Lab, status lab.Status, text string) cli.Result {
	object := output.LabStatus{Meta: output.Kind("LabStatus"), Running: status.Running, Dir: l.Dir, PID: status.Pid}
	state := "stopped"
	switch {
	case !status.Exists:
		text = cmp.Or(text, "no lab in "+escape.Text(l.Dir)+"\n")
	case status.Running && status.Ready == nil:
		state = "starting"
	case status.Running:
		state = "running"
	}
	if r := status.Ready; r != nil {
		object.Server, object.Kubeconfig, object.CAFile = r.Server, r.Kubeconfig, r.CAFile
		object.Version, object.KubernetesVersion, object.Controllers = r.Version, r.KubernetesVersion, r.Controllers
		object.KubeAPIServerArgs, object.KubeControllerManagerArgs = r.APIServerArgs, r.ControllerManagerArgs
	}
	v := cli.Result{
		Object: object,
		Names:  []cli.Name{{Bare: l.Dir}},
		Text:   text,
		Header: []string{"STATE", "SERVER", "KUBERNETES", "DIRECTORY"},
		Rows:   [][]string{{state, object.Server, object.KubernetesVersion, l.Dir}},
	}
	if status.Ready != nil && len(status.Ready.Flags()) > 0 {
		v.Header, v.Rows[0] = append(v.Header, "FLAGS"), append(v.Rows[0], strings.Join(status.Ready.Flags(), " "))
		v.NoTruncate = true
	}
	return v
}

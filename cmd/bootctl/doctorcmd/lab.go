package doctorcmd

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/pkg/doctor"
)

// labReasons are the reason codes of faults that flags of lab up can cause.
var labReasons = []string{
	doctor.BootstrapSignerNotRunning, doctor.TokenCleanerNotRunning, doctor.CSRApproverNotRunning, doctor.CSRSignerNotRunning, doctor.CSRNotSigned,
	doctor.TokenAuthenticationOff, doctor.AnonymousDisabled,
}

// probeReasons are more such reason codes, of the probe only.
var probeReasons = []string{doctor.SignatureMissing, doctor.CSRPending}

// addLabFix adds the command that restarts the lab to fixes that name flags of Kubernetes
// components. The command is empty if the cluster is not a lab with faults.
func addLabFix(findings []doctor.Finding, restart string) {
	if restart == "" {
		return
	}
	for i := range findings {
		f := &findings[i]
		if slices.Contains(labReasons, f.Reason) || strings.HasPrefix(f.Check, "probe: ") && slices.Contains(probeReasons, f.Reason) {
			f.Fix += "; or, for this lab: " + restart
		}
	}
}

// restartLab returns the command that restarts the lab whose own kubeconfig is used, if it
// was started with flags; otherwise it is empty.
func restartLab(config cli.AdminConfig) string {
	l := lab.Lab{Dir: filepath.Dir(config.File)}
	if config.File == "" || !l.Exists() {
		return ""
	}
	status, err := l.Status()
	if err != nil || status.Ready == nil || status.Ready.Server != config.Rest.Host || len(status.Ready.Flags()) == 0 {
		return ""
	}
	dir := escape.ShellPath(l.Dir)
	return fmt.Sprintf("bootctl lab down --dir %s && bootctl lab up --dir %s", dir, dir)
}

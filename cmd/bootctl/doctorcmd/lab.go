package doctorcmd

import (
	"fmt"
	"path/filepath"
	"slices"

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

// addLabFix adds to fixes that name flags of Kubernetes components the command that
// restarts the cluster without its faults, if the cluster is a lab on this machine.
func addLabFix(findings []doctor.Finding, config cli.AdminConfig) {
	restart := restartLab(config)
	if restart == "" {
		return
	}
	for i := range findings {
		if f := &findings[i]; f.Fix != "" && slices.Contains(labReasons, f.Reason) {
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

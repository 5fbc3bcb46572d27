package doctorcmd

import (
	"fmt"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/doctor"
)

func newReport(e *cli.Env, findings []doctor.Finding) output.DoctorReport {
	report := output.DoctorReport{Meta: output.Kind("DoctorReport"), Items: []output.DoctorFinding{}}
	count := map[doctor.Status]*int{doctor.OK: &report.Passed, doctor.WARN: &report.Warned, doctor.FAIL: &report.Failed}
	for _, f := range findings {
		report.Items = append(report.Items, output.DoctorFinding{
			Check: f.Check, Status: string(f.Status), Reason: f.Reason, Evidence: e.WithProgramName(f.Evidence), Remedy: e.WithProgramName(f.Remedy),
		})
		*count[f.Status]++
	}
	return report
}

func doctorView(report output.DoctorReport) cli.Result {
	v := cli.Result{Object: report, Header: []string{"CHECK", "STATUS", "EVIDENCE"}, NoTruncate: true}
	for _, f := range report.Items {
		v.Rows = append(v.Rows, []string{f.Check, f.Status, cli.JoinNonEmpty(": ", f.Reason, f.Evidence)})
		if f.Remedy != "" {
			v.Rows = append(v.Rows, []string{" ", " ", "remedy: " + f.Remedy})
		}
		if f.Status != string(doctor.OK) {
			v.Names = append(v.Names, cli.Name{Bare: f.Check})
		}
	}
	return v
}

// verdict returns an error if a check failed, or has a warning and --strict is set.
func (o options) verdict(report output.DoctorReport) error {
	switch {
	case report.Failed > 0:
		return fmt.Errorf("%w: %d FAIL, %d WARN, %d OK", failure.ErrNotReady, report.Failed, report.Warned, report.Passed)
	case o.strict && report.Warned > 0:
		return fmt.Errorf("%w: with --strict, %d WARN, %d OK", failure.ErrNotReady, report.Warned, report.Passed)
	}
	return nil
}

// reportCleanup reports whether a probe that was interrupted has left something.
func reportCleanup(e *cli.Env, last doctor.Finding) {
	switch {
	case last.Reason == doctor.ProbeLeft:
		e.Warn(last.Evidence + "; remove it with: " + last.Remedy)
	case last.Check == doctor.CleanUp:
		e.Progress(last.Evidence)
	}
}

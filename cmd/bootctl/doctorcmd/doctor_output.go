package doctorcmd

import (
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/doctor"
)

func newReport(e *cli.Env, findings []doctor.Finding) output.DoctorReport {
	report := output.DoctorReport{Meta: output.Kind("DoctorReport"), Items: []output.DoctorFinding{}}
	count := map[doctor.Status]*int{doctor.OK: &report.OK, doctor.SKIP: &report.Skipped, doctor.WARN: &report.Warnings, doctor.FAIL: &report.Failures}
	for _, f := range findings {
		report.Items = append(report.Items, output.DoctorFinding{
			Check: f.Check, Status: string(f.Status), Reason: f.Reason, Message: e.WithProgramName(f.Message), Fix: e.WithProgramName(f.Fix),
		})
		*count[f.Status]++
	}
	return report
}

// doctorView returns the output for a report. The text has each fix only once.
func doctorView(report output.DoctorReport) cli.Result {
	firstWith := map[string]string{} // the check that has the fix
	v := cli.Result{Object: report, Header: []string{"CHECK", "STATUS", "MESSAGE", "FIX"}, NoTruncate: true}
	var text strings.Builder
	for _, f := range report.Items {
		message := cli.JoinNonEmpty(": ", f.Reason, f.Message)
		v.Rows = append(v.Rows, []string{f.Check, f.Status, message, f.Fix})
		fmt.Fprintf(&text, "%-5s %s\n", f.Status, cli.Hang(f.Check+": "+message, 6))
		if f.Fix != "" {
			v.Names = append(v.Names, cli.Name{Bare: f.Check})
			fix := escape.Text(f.Fix) // on one line, so that it can be pasted
			if first, again := firstWith[f.Fix]; again {
				fix = "the same as for " + first
			} else {
				firstWith[f.Fix] = f.Check
			}
			fmt.Fprintf(&text, "      fix: %s\n", fix)
		}
	}
	v.Text = text.String() + "\n" + summary(report) + "\n"
	return v
}

// summary counts the findings, the best first.
func summary(report output.DoctorReport) string {
	parts := []string{fmt.Sprintf("%d ok", report.OK), escape.Count(report.Warnings, "warning"), escape.Count(report.Failures, "failure")}
	if report.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", report.Skipped))
	}
	return strings.Join(parts, ", ")
}

// notReady returns an error if a check failed, or has a warning and --strict is set.
func (o options) notReady(report output.DoctorReport) error {
	switch {
	case report.Failures > 0:
		return fmt.Errorf("%w: %s", failure.ErrNotReady, summary(report))
	case o.strict && report.Warnings > 0:
		return fmt.Errorf("%w: with --strict, warnings count as failures: %s", failure.ErrNotReady, summary(report))
	}
	return nil
}

// reportCleanup reports what an interrupted probe has cleaned up or left behind.
func reportCleanup(e *cli.Env, last doctor.Finding) {
	switch {
	case last.Reason == doctor.ProbeLeft:
		e.Warn(last.Message + "; to remove it, run: " + last.Fix)
	case last.Check == doctor.CleanUp:
		e.Progress(last.Message)
	}
}

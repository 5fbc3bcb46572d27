package failure

import (
	"errors"

	"github.com/bootctl/bootctl/internal/lab"
)

// Errors of the lab commands.
var (
	ErrLabNotStarted = errors.New("the lab is not running")
	ErrLabNotReady   = errors.New("the lab is not ready in time")
)

// startReason returns why a lab's server gave up, as the server said it.
func startReason(err error) (reason string, failed bool) {
	var start *lab.StartError
	if !errors.As(err, &start) {
		return "", false
	}
	return start.Reason, true
}

// gaveUp returns a condition for a lab whose server gave up for the reason.
func gaveUp(reason string) func(error) bool {
	return func(err error) bool {
		got, failed := startReason(err)
		return failed && got == reason
	}
}

// Rows of the lab.
var labRows = []row{
	{reason: "LabNotStarted", exit: ExitNotFound, when: is(ErrLabNotStarted),
		hint: "start it with the same --dir: bootctl lab up"},
	{reason: "LabNotReady", exit: ExitTimeout, when: is(ErrLabNotReady),
		hint: "read the log with the same --dir: bootctl lab logs"},
	{reason: "LabDiffers", exit: ExitConflict, when: as[*lab.DiffersError],
		hint: "stop it first with the same --dir: bootctl lab down"},
	{reason: "NotALab", exit: ExitConflict, when: is(lab.ErrNotALab),
		hint: "give another --dir, or move its files away"},
	{reason: "LabPortTaken", exit: ExitConflict, when: gaveUp("PortTaken"),
		hint: "stop what listens on the port, or give up the lab's address and data with the same --dir: bootctl lab down --delete"},
	{reason: "LabFiles", exit: ExitLocal, when: gaveUp("LocalFile"),
		hint: "read the log with the same --dir: bootctl lab logs"},
	{reason: "InvalidComponentFlag", exit: ExitUsage, when: gaveUp("InvalidComponentFlag"),
		hint: "give each flag as FLAG=VALUE, as the Kubernetes reference of the component has it"},
	{reason: "LabFailed", exit: ExitError,
		when: except(as[*lab.StartError], anyOf(gaveUp("PortTaken"), gaveUp("LocalFile"), gaveUp("InvalidComponentFlag"))),
		hint: "read the log with the same --dir: bootctl lab logs"},
	{reason: "UnknownController", exit: ExitUsage, when: as[*lab.UnknownControllerError]},
	{reason: "LabNotInstalled", exit: ExitLocal, when: is(lab.ErrNotInstalled),
		hint: "build it next to bootctl with make lab, or take it from bootctl's release"},
	{reason: "LabVersion", exit: ExitLocal, when: as[*lab.VersionError],
		hint: "build both from one checkout with make build lab, or take both from one release"},
}

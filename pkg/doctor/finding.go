package doctor

// Status is the severity of a finding.
type Status string

// The statuses, from the best to the worst.
const (
	OK   Status = "OK"
	WARN Status = "WARN" // nodes can join, but something should be fixed
	FAIL Status = "FAIL" // nodes cannot join, or will soon be unable to
)

// Finding is the result of a check; a check can have several.
type Finding struct {
	// Check is the name of the check.
	Check  string
	Status Status
	// Reason is a reason code, such as SignatureStale; empty if nothing is wrong.
	Reason string
	// Evidence is what was observed, in words.
	Evidence string
	// Remedy is the one command that fixes it, or what to do if no command can; empty
	// if nothing is wrong.
	Remedy string
}

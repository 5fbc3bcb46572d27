package doctor

// Status says how grave a finding is.
type Status string

// The statuses, from the best to the worst.
const (
	OK   Status = "OK"
	WARN Status = "WARN" // nodes can join, and something should be looked at
	FAIL Status = "FAIL" // nodes cannot join, or soon will not
)

// Finding is what one check found.
type Finding struct {
	// Check names what was looked at.
	Check  string
	Status Status
	// Reason is one word that stays the same, such as SignatureStale; empty
	// where all is well.
	Reason string
	// Evidence is what was seen, in words.
	Evidence string
	// Remedy is the one command, or what to do where no command can mend it;
	// empty where all is well.
	Remedy string
}

package failure

// The exit codes. Scripts rely on them.
const (
	ExitError       = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitNotVerified = 4
	ExitRefused     = 5
	ExitTimeout     = 6
	ExitUnreachable = 7
	ExitForbidden   = 8
	ExitConflict    = 9
	ExitLocal       = 10
	ExitInterrupted = 130
	ExitTerminated  = 143
)

// ExitCode is an exit code and what it means.
type ExitCode struct {
	Code    int
	Meaning string
}

// ExitCodes are the exit codes with their meaning, in the order of the codes.
var ExitCodes = []ExitCode{
	{0, "success"},
	{ExitError, "any other error, or several operations failed with different exit codes"},
	{ExitUsage, "the command line or an input is invalid, or a change was not confirmed; nothing was changed"},
	{ExitNotFound, "the token, CSR, cluster-info, or lab does not exist"},
	{ExitNotVerified, "verification failed: a signature (also a missing one), a pin, a certificate, or a token"},
	{ExitRefused, "refused: a CSR was denied, marked as failed by its signer, or violates the approval policy; the API server's validation or admission rejected an object; or doctor found a FAIL"},
	{ExitTimeout, "timed out although the API server responds"},
	{ExitUnreachable, "the API server cannot be reached: DNS, connection, proxy, or TLS before a certificate was received"},
	{ExitForbidden, "not authenticated, or forbidden"},
	{ExitConflict, "the object already exists, or is not the object that was named"},
	{ExitLocal, "a local file cannot be read, written, or locked, or a program is missing"},
	{ExitInterrupted, "interrupted"},
	{ExitTerminated, "terminated"},
}

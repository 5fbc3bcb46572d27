package failure

// The exit codes, which are the contract of scripts.
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
	{0, "done"},
	{ExitError, "anything not listed, or a bulk command whose failures differ in their exit codes"},
	{ExitUsage, "the command line or an input is wrong, or a change was not confirmed; nothing was changed"},
	{ExitNotFound, "no such token, CSR, cluster-info or lab"},
	{ExitNotVerified, "something does not verify: a signature (a missing one counts), a pin, a certificate, a token"},
	{ExitRefused, "refused: denied, failed by the signer, against the approval policy, by the server's validation or admission; doctor found a FAIL"},
	{ExitTimeout, "timed out although the server answers"},
	{ExitUnreachable, "the API server is not reachable: DNS, connect, proxy, TLS before there is a certificate to verify"},
	{ExitForbidden, "not authenticated, or forbidden"},
	{ExitConflict, "exists already, or is not the object that was named"},
	{ExitLocal, "local file or disk: cannot read, write or lock; a program is missing"},
	{ExitInterrupted, "interrupted"},
	{ExitTerminated, "terminated"},
}

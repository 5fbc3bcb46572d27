package failure

import (
	"errors"
	"fmt"

	"github.com/bootctl/bootctl/internal/lab"
)

// Errors of the command line itself.
var (
	ErrInterrupted          = errors.New("interrupted")
	ErrTerminated           = errors.New("terminated")
	ErrUsage                = errors.New("the command line does not fit together")
	ErrConfirmationRequired = errors.New("not confirmed")
	ErrNoKubeconfig         = errors.New("no kubeconfig found")
	ErrInvalidKubeconfig    = errors.New("the kubeconfig cannot be used")
	ErrLoopbackEndpoint     = errors.New("only this machine can reach a loopback address")
	ErrNotReady             = errors.New("the cluster is not ready for nodes")
)

// errSeveral stands for failures with different exit codes.
var errSeveral = errors.New("several failures with different exit codes")

// UsageError is an error that was found before the body of a command began.
type UsageError struct {
	Err     error
	Command string // with the names of its groups, such as "bootctl token create"
}

func (u *UsageError) Error() string { return u.Err.Error() }

// Unwrap returns the error that was found.
func (u *UsageError) Unwrap() error { return u.Err }

// TemplateError means that the result has no form in the output format, such as a
// template that does not apply.
type TemplateError struct{ Err error }

func (t *TemplateError) Error() string { return t.Err.Error() }

// BulkError is what remains of several failures of one command.
type BulkError struct {
	Errs  []error
	Total int // of the objects, failed or not
}

func (b *BulkError) Error() string {
	return fmt.Sprintf("%d of %d could not be done", len(b.Errs), b.Total)
}

func (b *BulkError) failure() Failure {
	first := Of(b.Errs[0])
	for _, err := range b.Errs[1:] {
		if Of(err).Exit != first.Exit {
			return Of(errSeveral)
		}
	}
	return first
}

var commandRows = []row{
	{reason: "Interrupted", exit: ExitInterrupted, when: is(ErrInterrupted)},
	{reason: "Terminated", exit: ExitTerminated, when: is(ErrTerminated)},
	{reason: "Usage", exit: ExitUsage, when: anyOf(as[*UsageError], is(ErrUsage)),
		fill: func(err error) (hint, node string) {
			var usage *UsageError
			if errors.As(err, &usage) {
				hint = fmt.Sprintf("see: %s --help", usage.Command)
			}
			return hint, ""
		}},
	{reason: "ConfirmationRequired", exit: ExitUsage, when: is(ErrConfirmationRequired),
		hint: "use --yes to skip the prompt; nothing was changed"},
	{reason: "NoKubeconfig", exit: ExitUsage, when: is(ErrNoKubeconfig),
		hint: "set --kubeconfig or KUBECONFIG, or start a cluster on this machine: bootctl lab up"},
	{reason: "InvalidKubeconfig", exit: ExitUsage, when: is(ErrInvalidKubeconfig), yields: true,
		hint: "select another file with --kubeconfig, or another context with --context"},
	{reason: "LoopbackEndpoint", exit: ExitUsage, when: is(ErrLoopbackEndpoint),
		hint: "set --endpoint to an address that nodes can reach; an explicit loopback address is allowed"},
	{reason: "NotReady", exit: ExitRefused, when: is(ErrNotReady),
		hint: "follow the remedy of each failed check above"},
	{reason: "SeveralFailures", exit: ExitError, when: is(errSeveral),
		hint: "see the warning of each failure above"},
	{reason: "Template", exit: ExitError, when: as[*TemplateError],
		hint: "use -o json to see the object; the command itself succeeded"},
	{reason: "Unsupported", exit: ExitError, when: is(errors.ErrUnsupported, lab.ErrUnsupported)},
}

package failure

import (
	"errors"
	"fmt"
	"slices"
)

// Errors of the commands themselves.
var (
	ErrInterrupted          = errors.New("interrupted")
	ErrTerminated           = errors.New("terminated")
	ErrUsage                = errors.New("the command line does not fit together")
	ErrConfirmationRequired = errors.New("not confirmed")
	ErrNoKubeconfig         = errors.New("no kubeconfig found")
	ErrInvalidKubeconfig    = errors.New("the kubeconfig cannot be used")
	ErrLoopbackEndpoint     = errors.New("only this machine can reach a loopback address")
	ErrNotReady             = errors.New("the cluster is not ready for nodes")
	ErrLabNotStarted        = errors.New("the lab is not running")
	ErrLabNotReady          = errors.New("the lab is not ready in time")
	ErrWrite                = errors.New("cannot write the result") // to stdout
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
	if slices.ContainsFunc(b.Errs, func(err error) bool { return Of(err).Exit != first.Exit }) {
		return Of(errSeveral)
	}
	return first
}

package failure

import (
	"errors"
	"fmt"
)

// Errors of the commands themselves.
var (
	ErrInterrupted          = errors.New("interrupted")
	ErrTerminated           = errors.New("terminated")
	ErrUsage                = errors.New("invalid command line") // every *UsageError matches it
	ErrConfirmationRequired = errors.New("not confirmed")
	ErrNoKubeconfig         = errors.New("no kubeconfig found")
	ErrInvalidKubeconfig    = errors.New("the kubeconfig cannot be used")
	ErrLoopbackEndpoint     = errors.New("only this machine can reach a loopback address")
	ErrNotReady             = errors.New("the cluster is not ready for nodes")
	ErrLabNotStarted        = errors.New("the lab is not running")
	ErrLabNotReady          = errors.New("timed out waiting for the lab")
	ErrWrite                = errors.New("cannot write the result") // to stdout
)

// errSeveral represents failures with different exit codes.
var errSeveral = errors.New("several operations failed with different errors")

// ConfirmationError means that there is no terminal on which to ask for confirmation. It
// matches ErrConfirmationRequired.
type ConfirmationError struct {
	Command string // the command line with --yes; empty if it cannot be printed
}

func (c *ConfirmationError) Error() string {
	return ErrConfirmationRequired.Error() + ": there is no terminal for a prompt; nothing was changed"
}

// Unwrap returns ErrConfirmationRequired.
func (c *ConfirmationError) Unwrap() error { return ErrConfirmationRequired }

// UsageError is an error in the command line, or in an input that it names.
type UsageError struct {
	Err error
	// Command is the command whose help explains the error, such as "bootctl token create";
	// empty if it is the command that ran.
	Command string
}

// Usagef returns a *UsageError. Its arguments are those of fmt.Errorf.
func Usagef(format string, args ...any) error {
	return &UsageError{Err: fmt.Errorf(format, args...)}
}

func (u *UsageError) Error() string { return u.Err.Error() }

// Is reports whether target is ErrUsage.
func (u *UsageError) Is(target error) bool { return target == ErrUsage }

// Unwrap returns Err.
func (u *UsageError) Unwrap() error { return u.Err }

// TemplateError means that the result cannot be printed in the output format, such as with
// a template that does not apply.
type TemplateError struct{ Err error }

func (t *TemplateError) Error() string { return t.Err.Error() }

// BulkError summarizes the failures of a command on several objects.
type BulkError struct {
	Errs  []error
	Total int // the number of objects, failed or not
}

func (b *BulkError) Error() string {
	return fmt.Sprintf("%d of %d operations failed", len(b.Errs), b.Total)
}

func (b *BulkError) failure() Failure {
	first := Of(b.Errs[0])
	for _, err := range b.Errs {
		f := Of(err)
		if f.Exit != first.Exit {
			return Of(errSeveral)
		}
		first.Retry = first.Retry && f.Retry
	}
	return first
}

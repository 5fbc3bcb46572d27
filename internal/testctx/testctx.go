// Package testctx has contexts for tests that must not depend on the speed of the
// machine.
package testctx

import (
	"context"
	"sync"
)

// WithDeadline returns a copy of parent whose deadline passes when pass is called, for
// tests that need a deadline to pass in a certain state. pass can be called more than
// once.
func WithDeadline(parent context.Context) (ctx context.Context, pass func()) {
	done := make(chan struct{})
	return deadline{parent, done}, sync.OnceFunc(func() { close(done) })
}

type deadline struct {
	context.Context

	done chan struct{}
}

func (d deadline) Done() <-chan struct{} { return d.done }

func (d deadline) Err() error {
	select {
	case <-d.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

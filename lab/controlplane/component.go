package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"
)

// component runs until it is stopped, in an order that the caller chooses: the
// caller's context does not stop it.
type component struct {
	name   string
	cancel context.CancelFunc
	ended  chan error // receives an error if the component exits by itself
	done   chan struct{}
}

func start(ctx context.Context, name string, run func(context.Context) error) *component {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &component{name: name, cancel: cancel, ended: make(chan error, 1), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		err := run(ctx)
		if err == nil {
			err = errors.New("no reason was given")
		}
		c.ended <- fmt.Errorf("%s exited: %w", name, err)
	}()
	return c
}

// stop stops the component and waits for a limited time: all data on disk is
// consistent at any moment, and the process exits next.
func (c *component) stop(limit time.Duration) {
	c.cancel()
	within(limit, func() { <-c.done })
}

func within(limit time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		klog.Warningf("stopping took longer than %s", limit)
	}
}

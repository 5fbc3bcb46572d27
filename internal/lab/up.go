package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// pollInterval is how often the lock and the ready file are looked at.
const pollInterval = 50 * time.Millisecond

// UpOptions says which lab to have.
type UpOptions struct {
	Binary  string   // path of bootctl-lab, from Find
	Without []string // controllers that shall not run, by short or long name
	// Flags of the components, each FLAG=VALUE; the server refuses those that
	// the component does not know.
	APIServerArgs, ControllerManagerArgs []string
	Observer                             kubeclient.Observer // receives each step
}

// A DiffersError means that the lab runs already, with other controllers or flags
// than asked for.
type DiffersError struct{ Running, Wanted Config }

func (e *DiffersError) Error() string {
	var parts []string
	for _, part := range []struct {
		what            string
		running, wanted []string
	}{
		{"controllers", e.Running.Controllers, e.Wanted.Controllers},
		{"kube-apiserver flags", e.Running.APIServerArgs, e.Wanted.APIServerArgs},
		{"kube-controller-manager flags", e.Running.ControllerManagerArgs, e.Wanted.ControllerManagerArgs},
	} {
		if !slices.Equal(part.running, part.wanted) {
			parts = append(parts, fmt.Sprintf("with the %s %s instead of %s", part.what, listed(part.running), listed(part.wanted)))
		}
	}
	return "the lab runs already, " + strings.Join(parts, " and ")
}

func listed(names []string) string {
	if len(names) == 0 {
		return "(none)"
	}
	return strings.Join(names, ",")
}

// A StartError means that a server was started and ended before it was ready.
type StartError struct {
	Reason  string // the server's word for it, such as PortTaken; "" when it said none
	Message string // the server's message, or how it ended
	Code    int    // the server's exit code; -1 when a signal ended it
	LogTail string // the last lines of its log
}

func (e *StartError) Error() string { return "start the lab: " + e.Message }

// Up starts the lab if it does not run, and returns when it is ready. The
// server stays when the caller ends, and when its terminal closes.
//
// It returns an *UnknownControllerError, a *DiffersError, ErrNotALab, a
// *StartError when the server gave up, and the context's error when that ends
// first; a server that Up itself started is then stopped again.
func (l Lab) Up(ctx context.Context, o UpOptions) (Ready, error) {
	controllers, err := Except(o.Without)
	if err != nil {
		return Ready{}, err
	}
	wanted := NewConfig(controllers, o.APIServerArgs, o.ControllerManagerArgs)
	for {
		ready, err := l.upOnce(ctx, o)
		var failed *StartError
		switch {
		case errors.As(err, &failed) && failed.Reason == ReasonRunning:
			continue // another Up was faster
		case err != nil:
			return Ready{}, err
		case ready == nil:
			continue // the server that ran already has ended
		case !ready.same(wanted):
			return Ready{}, &DiffersError{Running: ready.Config, Wanted: wanted}
		}
		return *ready, nil
	}
}

// upOnce waits for the server that runs, or starts one.
func (l Lab) upOnce(ctx context.Context, o UpOptions) (*Ready, error) {
	status, err := l.Status()
	switch {
	case err != nil || status.Ready != nil:
		return status.Ready, err
	case status.Running:
		o.Observer.Notify(kubeclient.Event{Step: fmt.Sprintf("waiting for the server that is starting already, process %d", status.Pid)})
		return l.await(ctx)
	}
	o.Observer.Notify(kubeclient.Event{Step: "starting etcd, kube-apiserver and the controllers"})
	return l.startServer(ctx, o)
}

// await returns what the running server says when it is ready, or nil when it ends.
func (l Lab) await(ctx context.Context) (*Ready, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		status, err := l.Status()
		if err != nil || status.Ready != nil || !status.Running {
			return status.Ready, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the lab: %w", context.Cause(ctx))
		}
	}
}

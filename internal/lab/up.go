package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// pollInterval is the interval at which the lock and the ready file are checked.
const pollInterval = 50 * time.Millisecond

// UpOptions describes the lab to start.
type UpOptions struct {
	Binary  string   // path of bootctl-lab, from Find
	Without []string // controllers that do not run, by short or long name
	// Flags of the components, each FLAG=VALUE. The server rejects unknown flags.
	APIServerArgs, ControllerManagerArgs []string
	Observer                             kubeclient.Observer // receives each step
}

func (o UpOptions) arguments(dir string) []string {
	args := []string{"serve", "--dir", dir, "--without", strings.Join(o.Without, ",")}
	for _, arg := range o.APIServerArgs {
		args = append(args, "--kube-apiserver-arg="+arg)
	}
	for _, arg := range o.ControllerManagerArgs {
		args = append(args, "--kube-controller-manager-arg="+arg)
	}
	return args
}

// A StartError means that a new server exited before it was ready.
type StartError struct {
	Reason  string // the server's reason code, such as PortTaken, or ""
	Message string // the server's message, or its exit status
	Code    int    // the server's exit code; -1 if a signal killed it
}

func (e *StartError) Error() string { return "start the lab: " + e.Message }

// Up starts the lab if it is not running, and returns when it is ready. The server keeps
// running when the caller exits or its terminal is closed.
//
// It returns an *UnknownControllerError, ErrDiffers, ErrNotALab, a *StartError if the server
// failed, and the context's error if ctx is done first. In the last case, a server that Up
// started is stopped again.
func (l Lab) Up(ctx context.Context, o UpOptions) (Ready, error) {
	controllers, err := Except(o.Without)
	if err != nil {
		return Ready{}, err
	}
	wanted := NewConfig(controllers, o.APIServerArgs, o.ControllerManagerArgs)
	for {
		ready, err := l.upOnce(ctx, o)
		failed, _ := errors.AsType[*StartError](err)
		switch {
		case failed != nil && failed.Reason == ReasonRunning: // another Up was faster
		case err != nil:
			return Ready{}, err
		case ready != nil: // otherwise the running server has exited
			return *ready, ready.Check(wanted)
		}
	}
}

// upOnce waits for the running server, or starts one. It returns nil if the running server
// has exited.
func (l Lab) upOnce(ctx context.Context, o UpOptions) (*Ready, error) {
	status, err := l.Status()
	switch {
	case err != nil || status.Ready != nil:
		return status.Ready, err
	case status.Running:
		o.Observer.Notify(kubeclient.Event{Step: fmt.Sprintf("waiting for the server that is already starting, process %d", status.Pid)})
		return l.await(ctx, "wait for the lab", status.Pid, func() (bool, error) { return l.hasEnded(status.Pid) })
	}
	o.Observer.Notify(kubeclient.Event{Step: "starting etcd, kube-apiserver and the controllers"})
	return l.startServer(ctx, o)
}

// await returns the Ready of the server with that PID, or nil if the server exits before it
// is ready.
func (l Lab) await(ctx context.Context, doing string, pid int, ended func() (bool, error)) (ready *Ready, err error) {
	err = poll(ctx, doing, func() (bool, error) {
		if ready, err = l.readReady(pid); ready != nil || err != nil {
			return true, err
		}
		return ended()
	})
	return ready, err
}

// hasEnded reports whether the process no longer holds the lock.
func (l Lab) hasEnded(pid int) (bool, error) {
	now, held, err := l.holder()
	return !held || now != pid, err
}

// poll calls done until it returns true or an error, or ctx is done.
func poll(ctx context.Context, doing string, done func() (bool, error)) error {
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(context.Context) (bool, error) { return done() })
	if wait.Interrupted(err) {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	return err
}

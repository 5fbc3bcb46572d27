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

// A StartError means that a server was started and ended before it was ready.
type StartError struct {
	Reason  string // the server's word for it, such as PortTaken; "" when it said none
	Message string // the server's message, or how it ended
	Code    int    // the server's exit code; -1 when a signal ended it
}

func (e *StartError) Error() string { return "start the lab: " + e.Message }

// Up starts the lab if it does not run, and returns when it is ready. The
// server stays when the caller ends, and when its terminal closes.
//
// It returns an *UnknownControllerError, ErrDiffers, ErrNotALab, a
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
		failed, _ := errors.AsType[*StartError](err)
		switch {
		case failed != nil && failed.Reason == ReasonRunning: // another Up was faster
		case err != nil:
			return Ready{}, err
		case ready != nil: // else the server that ran already has ended
			return *ready, ready.Check(wanted)
		}
	}
}

// upOnce waits for the server that runs, or starts one. It returns nil when the one
// that ran has ended.
func (l Lab) upOnce(ctx context.Context, o UpOptions) (*Ready, error) {
	status, err := l.Status()
	switch {
	case err != nil || status.Ready != nil:
		return status.Ready, err
	case status.Running:
		o.Observer.Notify(kubeclient.Event{Step: fmt.Sprintf("waiting for the server that is starting already, process %d", status.Pid)})
		return l.await(ctx, "wait for the lab", status.Pid, func() (bool, error) { return l.hasEnded(status.Pid) })
	}
	o.Observer.Notify(kubeclient.Event{Step: "starting etcd, kube-apiserver and the controllers"})
	return l.startServer(ctx, o)
}

// await returns what the server with that pid says when it is ready, or nil when it
// has ended.
func (l Lab) await(ctx context.Context, doing string, pid int, ended func() (bool, error)) (ready *Ready, err error) {
	err = poll(ctx, doing, func() (bool, error) {
		if ready, err = l.readReady(pid); ready != nil || err != nil {
			return true, err
		}
		return ended()
	})
	return ready, err
}

// hasEnded says whether the process no longer has the lab.
func (l Lab) hasEnded(pid int) (bool, error) {
	now, held, err := l.holder()
	return !held || now != pid, err
}

// poll asks done every now and then until it says yes or fails, or ctx ends.
func poll(ctx context.Context, doing string, done func() (bool, error)) error {
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(context.Context) (bool, error) { return done() })
	if wait.Interrupted(err) {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	return err
}

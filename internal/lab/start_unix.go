//go:build unix

package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// startServer starts a server in a session of its own and returns what it says
// when it is ready. Otherwise it leaves no server behind.
func (l Lab) startServer(ctx context.Context, o UpOptions) (*Ready, error) {
	if err := prepare(l.Dir); err != nil {
		return nil, err
	}
	log, from, err := l.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // nothing was written through it here
	args := []string{"serve", "--dir", l.Dir}
	if len(o.Without) > 0 {
		args = append(args, "--without", strings.Join(o.Without, ","))
	}
	for _, arg := range o.APIServerArgs {
		args = append(args, "--kube-apiserver-arg="+arg)
	}
	for _, arg := range o.ControllerManagerArgs {
		args = append(args, "--kube-controller-manager-arg="+arg)
	}
	// Not CommandContext: the server outlives the context once it is ready.
	cmd := exec.Command(o.Binary, args...) //nolint:gosec // the user's own program
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the lab: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() //nolint:errcheck // the state says more
	}()
	ready, err := l.awaitChild(ctx, cmd, ended)
	if err == nil && ready == nil {
		err = l.startError(cmd, from)
	}
	return ready, err
}

// awaitChild returns nil when the child ended before it was ready.
func (l Lab) awaitChild(ctx context.Context, cmd *exec.Cmd, ended <-chan struct{}) (*Ready, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		ready, err := l.readReady(cmd.Process.Pid)
		if err != nil || ready != nil {
			return ready, err
		}
		select {
		case <-tick.C:
		case <-ended:
			return nil, nil
		case <-ctx.Done():
			end(cmd.Process, ended)
			return nil, fmt.Errorf("start the lab: %w", context.Cause(ctx))
		}
	}
}

// end stops a child, by force if it takes longer than a server may.
func end(child *os.Process, ended <-chan struct{}) {
	child.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		child.Kill() //nolint:errcheck // it may have ended
		<-ended
	}
}

// openLog opens the log for appending and says where the new part starts.
func (l Lab) openLog() (log *os.File, from int64, err error) {
	log, err = os.OpenFile(l.LogFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := log.Stat()
	if err == nil && info.Size() <= logLimit {
		return log, info.Size(), nil
	}
	if err == nil {
		err = log.Truncate(0)
	}
	if err != nil {
		log.Close() //nolint:errcheck // nothing was written
		return nil, 0, err
	}
	return log, 0, nil
}

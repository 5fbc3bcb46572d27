//go:build unix

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// grace is the time that a server has to stop before it is killed. bootctl-lab stops within
// half of it.
const grace = 10 * time.Second

// startServer starts a server in its own session and returns its Ready. If that fails, no
// server is left running.
func (l Lab) startServer(ctx context.Context, o UpOptions) (*Ready, error) {
	if err := l.prepare(); err != nil {
		return nil, err
	}
	log, from, err := l.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // this process writes nothing to it
	// Not CommandContext: the server outlives the context once it is ready.
	cmd := exec.Command(o.Binary, o.arguments(l.Dir)...) //nolint:gosec // the user's own program
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the lab: %w", err)
	}
	running, ended := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer ended()
		cmd.Wait() //nolint:errcheck // ProcessState has the result
	}()
	ready, err := l.await(ctx, "start the lab", cmd.Process.Pid, func() (bool, error) { return running.Err() != nil, nil })
	switch {
	case err != nil:
		end(cmd.Process, running.Done())
	case ready == nil:
		err = startError(cmd, io.NewSectionReader(log, from, logLimit))
	}
	return ready, err
}

// startError returns why the child exited before it was ready, from its log.
func startError(cmd *exec.Cmd, log io.Reader) error {
	text, err := io.ReadAll(log)
	if err != nil {
		return err
	}
	e := &StartError{Message: "it exited before it was ready: " + cmd.ProcessState.String(), Code: cmd.ProcessState.ExitCode()}
	for line := range bytes.Lines(text) {
		var f Failure
		if json.Unmarshal(line, &f) == nil && f.Event == "error" && f.Pid == cmd.Process.Pid {
			e.Reason, e.Message = f.Reason, f.Message
		}
	}
	return e
}

// end stops a child, and kills it after grace.
func end(child *os.Process, ended <-chan struct{}) {
	child.Signal(syscall.SIGTERM)                          //nolint:errcheck // it may have exited
	kill := time.AfterFunc(grace, func() { child.Kill() }) //nolint:errcheck // likewise
	defer kill.Stop()
	<-ended
}

// Down stops the lab, waits until the server has exited, and keeps the data. It reports
// whether a server was running.
func (l Lab) Down(ctx context.Context) (stopped bool, err error) {
	pid, held, err := l.holder()
	if err != nil || !held {
		return false, err
	}
	if pid <= 0 {
		return false, fmt.Errorf("a lab is running in %s, but its process is not visible from here", l.Dir)
	}
	if err := l.signal(pid, syscall.SIGTERM); err != nil {
		return false, err
	}
	kill := time.AfterFunc(grace, func() { l.signal(pid, syscall.SIGKILL) }) //nolint:errcheck // the wait continues
	defer kill.Stop()
	err = poll(ctx, fmt.Sprintf("wait for process %d to end", pid), func() (bool, error) { return l.hasEnded(pid) })
	return err == nil, err
}

// signal sends sig to the process if it holds the lock. It opens the process first: on
// systems with process handles, another process that got the same PID is never signaled.
func (l Lab) signal(pid int, sig syscall.Signal) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer process.Release() //nolint:errcheck // only frees the handle
	if ended, err := l.hasEnded(pid); ended || err != nil {
		return err
	}
	if err := process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	return nil
}

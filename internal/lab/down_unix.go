//go:build unix

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// grace is how long a server may take to stop before it is killed. It promises
// half of that.
const grace = 10 * time.Second

// Down stops the lab and keeps its data. It reports whether there was a server
// to stop, and returns when that has ended.
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
	tick, timer := time.NewTicker(pollInterval), time.NewTimer(grace)
	defer tick.Stop()
	defer timer.Stop()
	for {
		now, held, err := l.holder()
		if err != nil || !held || now != pid {
			return true, err
		}
		select {
		case <-tick.C:
		case <-timer.C:
			if err := l.signal(pid, syscall.SIGKILL); err != nil {
				return false, err
			}
		case <-ctx.Done():
			return false, fmt.Errorf("wait for process %d to end: %w", pid, context.Cause(ctx))
		}
	}
}

// signal sends sig to the process if it has the lab. The handle is taken
// before that is asked, so where the system has handles, a process that got
// the number of an ended server is never hit.
func (l Lab) signal(pid int, sig syscall.Signal) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer process.Release() //nolint:errcheck // only frees the handle
	now, held, err := l.holder()
	if err != nil || !held || now != pid {
		return err
	}
	err = process.Signal(sig)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	return nil
}

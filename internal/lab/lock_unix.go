//go:build unix

package lab

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Acquire locks dir as a lab of this process until the returned file is closed. It creates
// dir with mode 0700 if it does not exist. It returns a *RunningError if another process
// holds the lock, and ErrNotALab if dir has other files.
//
// The lock is a POSIX lock, released when any descriptor of the file is closed, so nothing
// else in this process may open the file.
func Acquire(dir string) (io.Closer, error) {
	l := Lab{Dir: dir}
	if err := l.prepare(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(l.path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := l.lock(f)
	if locked {
		return f, nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return Acquire(dir)
}

// lock locks the lock file. It returns false without an error if the holder exited in the
// meantime, or if the file was deleted before it was locked, so that the lock is useless.
func (l Lab) lock(f *os.File) (locked bool, err error) {
	err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, wholeFile())
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		pid, held, err := query(f)
		if held {
			err = &RunningError{Dir: l.Dir, Pid: pid}
		}
		return false, err
	}
	if err != nil {
		return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	current, err := os.Stat(f.Name())
	return err == nil && os.SameFile(mine, current), nil
}

func wholeFile() *syscall.Flock_t {
	return &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
}

// holder returns the PID of the process that holds the lock. The PID is 0 or less if the
// process is not visible from this PID namespace, such as in a container.
func (l Lab) holder() (pid int, held bool, err error) {
	f, err := os.Open(l.path(lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	pid, held, err = query(f)
	return pid, held, errors.Join(err, f.Close())
}

func query(f *os.File) (pid int, held bool, err error) {
	lock := wholeFile()
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, lock); err != nil {
		return 0, false, fmt.Errorf("read the lock on %s: %w", f.Name(), err)
	}
	return int(lock.Pid), lock.Type != syscall.F_UNLCK, nil
}

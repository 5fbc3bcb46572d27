//go:build unix

package lab

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Acquire makes dir a lab directory of this process until the returned file is
// closed. It creates dir with mode 0700 if need be. It returns a *RunningError
// when another process has it, and ErrNotALab when dir holds other things.
//
// The lock is a POSIX one: closing any other descriptor of the same file drops
// it, so nothing else in this process may open that file.
func Acquire(dir string) (io.Closer, error) {
	if err := prepare(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, wholeFile())
		if err == nil {
			return verifyLock(f, path, dir)
		}
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES) {
			return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, f.Close())
		}
		pid, held, err := query(f)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if held {
			return nil, errors.Join(&RunningError{Dir: dir, Pid: pid}, f.Close())
		}
		// The holder ended in between.
	}
}

// verifyLock returns the locked file, unless it was deleted before it was locked:
// then the lock is worth nothing.
func verifyLock(f *os.File, path, dir string) (io.Closer, error) {
	mine, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	there, err := os.Stat(path)
	if err == nil && os.SameFile(mine, there) {
		return f, nil
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return Acquire(dir)
}

func wholeFile() *syscall.Flock_t {
	return &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
}

// holder returns the pid of the process that has the lab. The pid is 0 or less
// when the process is not visible from here, as from inside a container.
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
		return 0, false, fmt.Errorf("ask who holds %s: %w", f.Name(), err)
	}
	return int(lock.Pid), lock.Type != syscall.F_UNLCK, nil
}

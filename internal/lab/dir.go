package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/internal/durable"
)

// ErrNotALab means that a directory holds things that are not a lab's, so that
// it is neither made one nor deleted.
var ErrNotALab = errors.New("not a lab directory")

// A RunningError means that a server has the directory already.
type RunningError struct {
	Dir string
	Pid int // of that server; 0 or less when it is not visible from here
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("a lab is running in %s already, as process %d", e.Dir, e.Pid)
}

// prepare makes the directory one for the owner only. A directory that has other
// files, such as someone's home, is refused before anything in it changes.
func (l Lab) prepare() error {
	if err := durable.MkdirAll(l.Dir, 0o700); err != nil {
		return err
	}
	_, others, err := l.names()
	if err != nil {
		return err
	}
	if len(others) > 0 && !l.recorded() {
		return fmt.Errorf("%s: %w: it holds %s", l.Dir, ErrNotALab, others[0])
	}
	return os.Chmod(l.Dir, 0o700) //nolint:gosec // a directory needs the x bit
}

// recorded says whether a server has ever been set up here.
func (l Lab) recorded() bool {
	_, err := os.Lstat(l.path(RecordFile))
	return err == nil
}

// names returns what is in the directory: the names that are a lab's, and others.
func (l Lab) names() (own, others []string, err error) {
	entries, err := os.ReadDir(l.Dir)
	for _, entry := range entries {
		if name := entry.Name(); isOwn(name) {
			own = append(own, name)
		} else {
			others = append(others, name)
		}
	}
	return own, others, err
}

// isOwn says whether a lab may have the name in its directory. Nothing else is
// ever removed, and a directory that holds anything else does not become a lab.
func isOwn(name string) bool {
	switch name {
	case PKIDir, EtcdDir, EtcdSocket, EtcdPeerSocket, KubeconfigFile, RecordFile, ReadyFile, lockFile, logFile:
		return true
	}
	leftover, err := filepath.Match(".*.tmp", name) // of a durable.WriteFile that was killed
	return leftover && err == nil
}

// Delete removes the lab with all its data and keys. It returns a
// *RunningError while a server has it, and ErrNotALab, having removed nothing,
// when the directory holds anything that is not a lab's.
func (l Lab) Delete() error {
	if !l.recorded() {
		return fmt.Errorf("%s: %w", l.Dir, ErrNotALab)
	}
	lock, err := Acquire(l.Dir)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // its file is gone
	own, others, err := l.names()
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return fmt.Errorf("%s: %w: it holds %s", l.Dir, ErrNotALab, strings.Join(others, ", "))
	}
	// The record goes next to last: killed before that, Delete works again.
	last := []string{RecordFile, lockFile}
	own = slices.DeleteFunc(own, func(name string) bool { return slices.Contains(last, name) })
	for _, name := range append(own, last...) {
		if err := os.RemoveAll(l.path(name)); err != nil {
			return err
		}
	}
	return os.Remove(l.Dir)
}

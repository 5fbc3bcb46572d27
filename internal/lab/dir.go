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

// ErrNotALab means that a directory has files that do not belong to a lab, so it is neither
// used for a lab nor deleted.
var ErrNotALab = errors.New("not a lab directory")

// A RunningError means that a server already uses the directory.
type RunningError struct {
	Dir string
	Pid int // the server's; 0 or less if not visible from this PID namespace
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("a lab is already running in %s, as process %d", e.Dir, e.Pid)
}

// prepare creates the directory, accessible only to its owner. It refuses a directory with
// other files, such as a home directory, before it changes anything.
func (l Lab) prepare() error {
	if err := durable.MkdirAll(l.Dir, 0o700); err != nil {
		return err
	}
	others, _, err := l.others()
	if err != nil {
		return err
	}
	if len(others) > 0 && !l.Exists() {
		return fmt.Errorf("%s: %w: it contains %s", l.Dir, ErrNotALab, others[0])
	}
	return os.Chmod(l.Dir, 0o700) //nolint:gosec // a directory needs the x bit
}

// Exists reports whether a server was ever set up in the directory.
func (l Lab) Exists() bool {
	_, err := os.Lstat(l.path(RecordFile))
	return err == nil
}

// ownNames are the names of a lab's files in the order in which Delete removes them: the
// record is near the end, so that an interrupted Delete can be repeated. No other file is
// removed, and a directory with other files does not become a lab.
var ownNames = []string{PKIDir, EtcdDir, EtcdSocket, EtcdPeerSocket, KubeconfigFile, ReadyFile, logFile, RecordFile, lockFile}

// leftover matches the temporary files of a durable.WriteFile that was killed.
const leftover = ".*.tmp"

// others returns the files in the directory that do not belong to a lab, and the leftovers.
func (l Lab) others() (others, leftovers []string, err error) {
	entries, err := os.ReadDir(l.Dir)
	for _, entry := range entries {
		name := entry.Name()
		if isLeftover, err := filepath.Match(leftover, name); err == nil && isLeftover {
			leftovers = append(leftovers, name)
		} else if !slices.Contains(ownNames, name) {
			others = append(others, name)
		}
	}
	return others, leftovers, err
}

// Delete removes the lab with its data and keys. It returns a *RunningError if a server is
// running. If the directory has other files, it removes nothing and returns ErrNotALab.
func (l Lab) Delete() error {
	if !l.Exists() {
		return fmt.Errorf("%s: %w", l.Dir, ErrNotALab)
	}
	lock, err := Acquire(l.Dir)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // its file is gone
	others, leftovers, err := l.others()
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return fmt.Errorf("%s: %w: it contains %s", l.Dir, ErrNotALab, strings.Join(others, ", "))
	}
	for _, name := range append(leftovers, ownNames...) {
		if err := os.RemoveAll(l.path(name)); err != nil {
			return err
		}
	}
	return os.Remove(l.Dir)
}

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
	others, _, err := l.others()
	if err != nil {
		return err
	}
	if len(others) > 0 && !l.Exists() {
		return fmt.Errorf("%s: %w: it holds %s", l.Dir, ErrNotALab, others[0])
	}
	return os.Chmod(l.Dir, 0o700) //nolint:gosec // a directory needs the x bit
}

// Exists says whether a server has ever been set up here.
func (l Lab) Exists() bool {
	_, err := os.Lstat(l.path(RecordFile))
	return err == nil
}

// ownNames are the names that a lab may have in its directory, in the order in which
// Delete removes them: killed before the record goes, it works again. Nothing else is
// ever removed, and a directory that holds anything else does not become a lab.
var ownNames = []string{PKIDir, EtcdDir, EtcdSocket, EtcdPeerSocket, KubeconfigFile, ReadyFile, logFile, RecordFile, lockFile}

// leftover is the name of what a durable.WriteFile left that was killed: a lab's, too.
const leftover = ".*.tmp"

// others returns what is in the directory and not a lab's, and the leftovers.
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

// Delete removes the lab with all its data and keys. It returns a
// *RunningError while a server has it, and ErrNotALab, having removed nothing,
// when the directory holds anything that is not a lab's.
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
		return fmt.Errorf("%s: %w: it holds %s", l.Dir, ErrNotALab, strings.Join(others, ", "))
	}
	for _, name := range append(leftovers, ownNames...) {
		if err := os.RemoveAll(l.path(name)); err != nil {
			return err
		}
	}
	return os.Remove(l.Dir)
}

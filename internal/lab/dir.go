package lab

import (
	"errors"
	"fmt"
	"io/fs"
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
	others, err := l.others()
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

// leftovers are of a durable.WriteFile that was killed, and a lab's, too.
const leftovers = ".*.tmp"

// others returns what is in the directory and not a lab's.
func (l Lab) others() (names []string, err error) {
	entries, err := os.ReadDir(l.Dir)
	for _, entry := range entries {
		leftover, err := filepath.Match(leftovers, entry.Name())
		if err != nil || !leftover && !slices.Contains(ownNames, entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, err
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
	others, err := l.others()
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return fmt.Errorf("%s: %w: it holds %s", l.Dir, ErrNotALab, strings.Join(others, ", "))
	}
	names, err := fs.Glob(os.DirFS(l.Dir), leftovers)
	if err != nil {
		return err
	}
	for _, name := range append(names, ownNames...) {
		if err := os.RemoveAll(l.path(name)); err != nil {
			return err
		}
	}
	return os.Remove(l.Dir)
}

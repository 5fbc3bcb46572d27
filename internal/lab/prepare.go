package lab

import (
	"errors"
	"fmt"
	"os"

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

// prepare makes dir a directory for the owner only. A directory that has other
// files, such as someone's home, is refused before anything in it changes.
func prepare(dir string) error {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	others, err := unexpectedFiles(dir)
	if err != nil {
		return err
	}
	l := Lab{Dir: dir}
	if len(others) > 0 && !l.recorded() {
		return fmt.Errorf("%s: %w: it holds %s", dir, ErrNotALab, others[0])
	}
	return os.Chmod(dir, 0o700) //nolint:gosec // a directory needs the x bit
}

// recorded says whether a server has ever been set up here.
func (l Lab) recorded() bool {
	_, err := os.Lstat(l.path(RecordFile))
	return err == nil
}

// unexpectedFiles returns the names in dir that are not a lab's.
func unexpectedFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if !owned(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

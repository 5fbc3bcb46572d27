package lab

import (
	"fmt"
	"os"
	"strings"
)

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
	others, err := unexpectedFiles(l.Dir)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return fmt.Errorf("%s: %w: it holds %s", l.Dir, ErrNotALab, strings.Join(others, ", "))
	}
	entries, err := os.ReadDir(l.Dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		// The record goes next to last: killed before that, Delete works again.
		if name := entry.Name(); name != lockFile && name != RecordFile {
			if err := os.RemoveAll(l.path(name)); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{RecordFile, lockFile} {
		if err := os.Remove(l.path(name)); err != nil {
			return err
		}
	}
	return os.Remove(l.Dir)
}

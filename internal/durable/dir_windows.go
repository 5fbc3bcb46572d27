package durable

import (
	"errors"
	"io/fs"
)

// Lock is not available on Windows, where join and lab do not run.
func Lock(string) (unlock func() error, err error) { return nil, errors.ErrUnsupported }

// Directories cannot be synced on Windows; a rename is durable there.
func syncDir(string) error { return nil }

// On Windows, a write shows whether a directory is writable.
func writable(string) error { return nil }

// On Windows, files have access lists instead of one owner.
func isForeign(fs.FileInfo) bool { return false }

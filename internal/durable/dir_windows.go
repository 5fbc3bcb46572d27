package durable

import "errors"

// ErrLocked means that another process holds the lock on a directory.
var ErrLocked = errors.New("in use by another process")

// Lock is not available on Windows, where join and lab do not run.
func Lock(string) (unlock func() error, err error) { return nil, errors.ErrUnsupported }

// Directories cannot be synced on Windows; a rename is durable there.
func syncDir(string) error { return nil }

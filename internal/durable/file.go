package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Errors about the existing file at a path.
var (
	// ErrNotRegular means that it is not a regular file, but for example a directory, a
	// pipe or a symbolic link.
	ErrNotRegular = errors.New("not a regular file")
	// ErrForeignOwner means that it belongs to another user, who may have created it on
	// purpose.
	ErrForeignOwner = errors.New("the file belongs to another user")
	// ErrOutside means that a path leads outside the directory that it should stay
	// within.
	ErrOutside = errors.New("a symbolic link leads outside the directory")
)

// ErrLocked means that another process holds the lock on a directory.
var ErrLocked = errors.New("in use by another process")

// WriteFile writes data to path with the given permissions, regardless of the umask. It
// replaces an existing regular file, returns ErrNotRegular for anything else at path, and
// leaves the old file unchanged on every error.
func WriteFile(path string, data []byte, mode fs.FileMode) (err error) {
	if err := CheckReplaceable(path, 0); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, tempPattern(path))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err == nil {
			return
		}
		err = fmt.Errorf("write %s: %w", path, err)
		if left := os.Remove(f.Name()); !errors.Is(left, fs.ErrNotExist) { // it does not exist after the rename
			err = errors.Join(err, left)
		}
	}()
	if err := errors.Join(fill(f, data, mode), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func fill(f *os.File, data []byte, mode fs.FileMode) error {
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil { // pwrite64, a system call that only files use
		return err
	}
	return f.Sync()
}

// Symlink makes path a symbolic link to target. It replaces an existing link atomically,
// and returns ErrNotRegular for anything else at path.
func Symlink(target, path string) error {
	if err := CheckReplaceable(path, fs.ModeSymlink); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	temp, err := os.MkdirTemp(dir, tempPattern(path))
	if err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	link := filepath.Join(temp, "link")
	err = os.Symlink(target, link)
	if err == nil {
		err = os.Rename(link, path)
	}
	if err := errors.Join(err, os.RemoveAll(temp)); err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	return syncDir(dir)
}

// tempPattern matches the names of path's temporary files.
func tempPattern(path string) string { return "." + filepath.Base(path) + ".*.tmp" }

// RemoveTempFiles removes the temporary files that an interrupted WriteFile or Symlink
// left for path, whose last element may be a pattern. No write may be in progress.
func RemoveTempFiles(path string) error {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if isTemp, err := filepath.Match(tempPattern(path), entry.Name()); err != nil || !isTemp {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// MkdirAll creates dir and its missing parents with the given permissions, regardless of
// the umask, and makes each new name durable.
func MkdirAll(dir string, mode fs.FileMode) error {
	info, err := os.Stat(dir)
	if err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := MkdirAll(parent, mode); err != nil {
			return err
		}
	}
	err = os.Mkdir(dir, mode)
	if err == nil {
		err = os.Chmod(dir, mode)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// CheckWithin returns an error that matches ErrOutside unless dir, or the existing part of
// it, is below root after all symbolic links are resolved.
func CheckWithin(root, dir string) error {
	top, err := filepath.EvalSymlinks(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // then dir does not exist either
	}
	if err != nil {
		return &fs.PathError{Op: "find", Path: root, Err: err}
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		resolved, err := filepath.EvalSymlinks(at)
		if err != nil {
			return &fs.PathError{Op: "find", Path: at, Err: err}
		}
		below, err := filepath.Rel(top, resolved)
		if err != nil || !filepath.IsLocal(below) {
			return fmt.Errorf("%s: %w %s, to %s", at, ErrOutside, root, resolved)
		}
		return nil
	}
}

// Writable returns an error if dir, or its nearest existing parent, cannot be written to.
// It changes nothing.
func Writable(dir string) error {
	for {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
			dir = filepath.Dir(dir)
		case err != nil:
			return err
		case !info.IsDir():
			return &fs.PathError{Op: "write to", Path: dir, Err: errors.New("it is not a directory")}
		default:
			return writable(dir)
		}
	}
}

// CheckReplaceable returns ErrNotRegular unless path is unused or has a file of the given
// type: 0 for WriteFile, fs.ModeSymlink for Symlink. It returns ErrForeignOwner if the
// file belongs to another user. A caller that checks before reading cannot block on a
// pipe.
func CheckReplaceable(path string, kind fs.FileMode) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != kind:
		return fmt.Errorf("write %s: %w (%s); move it away first", path, ErrNotRegular, info.Mode().Type())
	case isForeign(info):
		return fmt.Errorf("write %s: %w", path, ErrForeignOwner)
	}
	return nil
}

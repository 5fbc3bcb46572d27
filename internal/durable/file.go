package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Errors of what stands where a file should be written.
var (
	// ErrNotRegular means that it is something other than a plain file, such as
	// a directory, a pipe or a symbolic link.
	ErrNotRegular = errors.New("not a regular file")
	// ErrForeignOwner means that it belongs to another user, who may have put it
	// there.
	ErrForeignOwner = errors.New("it belongs to another user")
	// ErrOutside means that the way there leads out of the directory that it
	// should stay in.
	ErrOutside = errors.New("a symbolic link leads out of the directory")
)

// ErrLocked means that another process holds the lock on a directory.
var ErrLocked = errors.New("in use by another process")

// WriteFile writes data to path with the given permissions, whatever the
// umask, replacing a regular file that stands there. It returns ErrNotRegular
// when anything else does, and leaves the old file as it was on every error.
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
		if left := os.Remove(f.Name()); !errors.Is(left, fs.ErrNotExist) { // once renamed, it is gone
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
	if _, err := f.WriteAt(data, 0); err != nil { // unlike Write, the file's own system call
		return err
	}
	return f.Sync()
}

// Symlink makes path a symbolic link to target, replacing a link that stands
// there in one step. It returns ErrNotRegular when anything else does.
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

// tempPattern is the name of path's temporary neighbours.
func tempPattern(path string) string { return "." + filepath.Base(path) + ".*.tmp" }

// RemoveTempFiles removes what a WriteFile or Symlink that was killed left beside path,
// whose last element may be a pattern. The caller must know that none is under way.
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

// MkdirAll creates dir and its missing parents with the given permissions,
// whatever the umask, and makes each new name durable.
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

// CheckWithin returns an error that matches ErrOutside unless dir, or as much of it as
// there is, lies below root when all symbolic links are followed.
func CheckWithin(root, dir string) error {
	top, err := filepath.EvalSymlinks(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // then nothing of dir is there
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

// Writable returns an error when dir, or the nearest directory above it that is
// there, cannot be written to. It changes nothing.
func Writable(dir string) error {
	for {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
			dir = filepath.Dir(dir)
		case err != nil:
			return err
		case !info.IsDir():
			return &fs.PathError{Op: "write into", Path: dir, Err: errors.New("it is not a directory")}
		default:
			return writable(dir)
		}
	}
}

// CheckReplaceable returns ErrNotRegular unless path is free or holds a file of the
// given type: 0 for WriteFile, fs.ModeSymlink for Symlink. It returns
// ErrForeignOwner when the file is another user's. Who checks it before reading,
// too, never waits on a pipe.
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

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotRegular means that something other than a plain file, such as a
// directory, a pipe or a symbolic link, stands where a file should be written.
var ErrNotRegular = errors.New("not a regular file")

// WriteFile writes data to path with the given permissions, whatever the
// umask, replacing a regular file that stands there. It returns ErrNotRegular
// when anything else does, and leaves the old file as it was on every error.
func WriteFile(path string, data []byte, mode fs.FileMode) (err error) {
	if err := Replaceable(path, 0); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
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
	if err := fill(f, data, mode); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
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
	if err := Replaceable(path, fs.ModeSymlink); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	temp, err := os.MkdirTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	link := filepath.Join(temp, "link")
	if err := os.Symlink(target, link); err != nil {
		return errors.Join(fmt.Errorf("link %s: %w", path, err), os.Remove(temp))
	}
	if err := os.Rename(link, path); err != nil {
		return errors.Join(fmt.Errorf("link %s: %w", path, err), os.RemoveAll(temp))
	}
	if err := os.Remove(temp); err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	return syncDir(dir)
}

// MkdirAll creates dir and its missing parents with the given permissions and
// makes each new name durable.
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
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// Replaceable returns ErrNotRegular unless path is free or holds a file of the
// given type: 0 for WriteFile, fs.ModeSymlink for Symlink. Who checks it before
// reading, too, never waits on a pipe.
func Replaceable(path string, kind fs.FileMode) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != kind:
		return fmt.Errorf("write %s: %w (%s); move it away first", path, ErrNotRegular, info.Mode().Type())
	}
	return nil
}

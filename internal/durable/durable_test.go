package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/bootctl/bootctl/internal/durable"
)

func TestWriteFile_ModeAndReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "new" || info.Mode().Perm() != 0o600 {
		t.Errorf("file contains %q with mode %v, want %q with 0600", got, info.Mode(), "new")
	}
	if names := entries(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("directory contains %v, want only the file", names)
	}
}

func TestWriteFile_ExistingMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.crt")
	if err := durable.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, want 0644 (%v)", info.Mode(), err)
	}
}

func TestWriteFile_NotAFile(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	link := filepath.Join(dir, "link")
	if err := os.WriteFile(victim, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, dir} {
		if err := durable.WriteFile(path, []byte("x"), 0o600); !errors.Is(err, durable.ErrNotRegular) {
			t.Errorf("WriteFile(%s) = %v, want ErrNotRegular", path, err)
		}
	}
	if got, _ := os.ReadFile(victim); string(got) != "kept" {
		t.Errorf("the link was followed: its target contains %q", got)
	}
}

func TestWriteFile_FailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := durable.WriteFile(filepath.Join(dir, "none", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v, want fs.ErrNotExist", err)
	}
	if names := entries(t, dir); len(names) != 0 {
		t.Errorf("directory contains %v, want nothing", names)
	}
}

func TestSymlink_ReplacesOnlyLinks(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "current")
	for _, target := range []string{"one.pem", "two.pem"} {
		if err := durable.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.Readlink(link); got != target {
			t.Errorf("link points to %q, want %q", got, target)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := durable.Symlink("x", file); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("Symlink over a file = %v, want ErrNotRegular", err)
	}
	if names := entries(t, dir); len(names) != 2 {
		t.Errorf("directory contains %v, want only the link and the file", names)
	}
}

func TestLock_Excludes(t *testing.T) {
	dir := t.TempDir()
	unlock, err := durable.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Lock(dir); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("second Lock = %v, want ErrLocked", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = durable.Lock(dir)
	if err != nil {
		t.Fatalf("Lock after unlock: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

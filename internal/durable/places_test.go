//go:build unix

package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bootctl/bootctl/internal/durable"
)

// A file of another user may be an attempt to inject content.
func TestCheckReplaceable_ForeignFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := durable.CheckReplaceable(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, []byte("ours"), 0o600); !errors.Is(err, durable.ErrForeignOwner) {
		t.Errorf("error = %v, want ErrForeignOwner", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "theirs" {
		t.Errorf("the file contains %q (%v)", text, err)
	}
}

func TestMkdirAll_Modes(t *testing.T) {
	for _, umask := range []int{0, 0o077, 0o777} {
		dir := filepath.Join(t.TempDir(), "a", "b")
		old := syscall.Umask(umask)
		err := durable.MkdirAll(dir, 0o755)
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range []string{dir, filepath.Dir(dir)} {
			if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("umask %o: %s has mode %v (%v)", umask, made, info.Mode(), err)
			}
		}
	}
}

func TestCheckWithin(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	for link, to := range map[string]string{"in": "real", "out": outside, "up": "..", "dangling": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		dir     string
		wantErr error
	}{
		{"real/x/y", nil}, {"none", nil}, {"in/x", nil}, {".", nil},
		{"out", durable.ErrOutside}, {"out/x/y", durable.ErrOutside}, {"up", durable.ErrOutside}, {"dangling/x", fs.ErrNotExist},
	}
	for _, test := range tests {
		if err := durable.CheckWithin(root, filepath.Join(root, test.dir)); !errors.Is(err, test.wantErr) || (err == nil) != (test.wantErr == nil) {
			t.Errorf("CheckWithin(%s) = %v, want %v", test.dir, err, test.wantErr)
		}
	}
	if err := durable.CheckWithin(filepath.Join(root, "none"), filepath.Join(root, "none", "x")); err != nil {
		t.Error(err)
	}
	if err := durable.CheckWithin("/", "/etc"); err != nil {
		t.Error(err)
	}
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{dir: true, filepath.Join(dir, "a/b"): true, file: false, filepath.Join(file, "a"): false} {
		if err := durable.Writable(path); (err == nil) != want {
			t.Errorf("Writable(%s) = %v", path, err)
		}
	}
}

func TestRemoveTempFiles_OwnOnly(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".key.123.tmp", ".key.tmp", ".other.123.tmp", "key"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, ".key.4.tmp", "link"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.RemoveTempFiles(filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	if left := entries(t, dir); len(left) != 3 {
		t.Errorf("left: %v", left)
	}
}

//go:build unix

package lab_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/lab"
)

// install writes a program to dir that prints the version like bootctl-lab.
func install(t *testing.T, dir, version string) string {
	t.Helper()
	path := filepath.Join(dir, "bootctl-lab")
	script := "#!/bin/sh\n" + `[ "$*" = "version -o json" ] && echo '{"version":"` + version + `"}'` + "\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	sameDir, onPath, empty := t.TempDir(), t.TempDir(), t.TempDir()
	first, second := install(t, sameDir, "v1"), install(t, onPath, "v2")
	link := filepath.Join(empty, "bootctl")
	if err := os.Symlink(filepath.Join(sameDir, "bootctl"), link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sameDir, "bootctl"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		self        string
		path        string
		want        string
		binary      string
		missing     bool
		otherBinary string
	}{
		{name: "same directory", self: filepath.Join(sameDir, "bootctl"), path: onPath, want: "v1", binary: first},
		{name: "same directory, through a link", self: link, path: onPath, want: "v1", binary: first},
		{name: "on PATH", self: filepath.Join(empty, "x"), path: empty + ":" + onPath, want: "v2", binary: second},
		{name: "same directory wins with another version", self: filepath.Join(sameDir, "bootctl"), path: onPath, want: "v2", otherBinary: first},
		{name: "nowhere", self: filepath.Join(empty, "x"), path: empty, want: "v1", missing: true},
		{name: "relative PATH", path: ".:relative:", want: "v1", missing: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "relative PATH" {
				t.Chdir(onPath)
			}
			got, err := lab.Find(t.Context(), tt.self, tt.path, tt.want)
			var other *lab.VersionError
			errors.As(err, &other)
			switch {
			case errors.Is(err, lab.ErrNotInstalled) != tt.missing:
				t.Errorf("error %v, want missing: %v", err, tt.missing)
			case tt.otherBinary != "" && (other == nil || other.Binary != tt.otherBinary || other.Have != "v1" || other.Want != tt.want):
				t.Errorf("error %v, want another version of %s", err, tt.otherBinary)
			case tt.binary != got:
				t.Errorf("found %q, %v, want %q", got, err, tt.binary)
			}
		})
	}
}

// A bootctl-lab that does not return is reported as a timeout, not as a failure.
func TestFind_AtTheDeadline(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bootctl-lab"), []byte("#!/bin/sh\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := lab.Find(ctx, "", dir, "v1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the deadline", err)
	}
}

func TestDefaultDir(t *testing.T) {
	tests := []struct {
		name, state, home string
		want              string
	}{
		{name: "XDG", state: "/state", home: "/home/me", want: "/state/bootctl/lab"},
		{name: "home", home: "/home/me", want: "/home/me/.local/state/bootctl/lab"},
		{name: "relative XDG is ignored", state: "state", home: "/home/me", want: "/home/me/.local/state/bootctl/lab"},
		{name: "neither"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{"XDG_STATE_HOME": tt.state, "HOME": tt.home}
			got, err := lab.DefaultDir(func(name string) string { return env[name] })
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

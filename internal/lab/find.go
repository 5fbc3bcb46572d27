package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

const binaryName = "bootctl-lab"

// ErrNotInstalled means that there is no bootctl-lab beside bootctl or on PATH.
var ErrNotInstalled = errors.New("bootctl-lab is not installed")

// A VersionError means that the bootctl-lab found is of another version than
// bootctl, so that the two may not understand each other.
type VersionError struct {
	Binary string // path of bootctl-lab
	Have   string // its version
	Want   string // bootctl's version
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s is version %s, but bootctl is %s", e.Binary, e.Have, e.Want)
}

// Find returns the path of bootctl-lab: the one beside self, the running bootctl, else
// the first on path, the value of $PATH. It returns ErrNotInstalled when there is none, and a *VersionError
// when the first one found is not of the wanted version.
func Find(ctx context.Context, self, path, want string) (string, error) {
	binary := look(self, path)
	if binary == "" {
		return "", ErrNotInstalled
	}
	var have Version
	out, err := exec.CommandContext(ctx, binary, "version", "-o", "json").Output() //nolint:gosec // beside bootctl or on the user's own path
	if ctx.Err() != nil {
		err = context.Cause(ctx) // and not that the program was killed for it
	} else if err == nil {
		err = json.Unmarshal(out, &have)
	}
	if err != nil {
		return "", fmt.Errorf("run %s version: %w", binary, err)
	}
	if have.Version != want {
		return "", &VersionError{Binary: binary, Have: have.Version, Want: want}
	}
	return binary, nil
}

func look(self, path string) string {
	if target, err := filepath.EvalSymlinks(self); err == nil {
		self = target
	}
	for _, dir := range append([]string{filepath.Dir(self)}, filepath.SplitList(path)...) {
		if !filepath.IsAbs(dir) {
			continue // as exec.LookPath: never what the working directory holds
		}
		if binary, err := exec.LookPath(filepath.Join(dir, binaryName)); err == nil {
			return binary
		}
	}
	return ""
}

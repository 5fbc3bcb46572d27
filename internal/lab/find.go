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

// ErrNotInstalled means that bootctl-lab is neither in the directory of bootctl nor on PATH.
var ErrNotInstalled = errors.New("bootctl-lab is not installed")

// A VersionError means that bootctl-lab has another version than bootctl, so the two may not
// work together.
type VersionError struct {
	Binary string // path of bootctl-lab
	Have   string // its version
	Want   string // bootctl's version
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s is version %s, but bootctl is %s", e.Binary, e.Have, e.Want)
}

// Find returns the path of bootctl-lab: in the directory of self, the running bootctl, or
// otherwise the first on path, the value of $PATH. It returns ErrNotInstalled if it finds
// none, and a *VersionError if the first one does not have the version want.
func Find(ctx context.Context, self, path, want string) (string, error) {
	binary := look(self, path)
	if binary == "" {
		return "", ErrNotInstalled
	}
	var have Version
	out, err := exec.CommandContext(ctx, binary, "version", "-o", "json").Output() //nolint:gosec // in the directory of bootctl or on the user's PATH
	if ctx.Err() != nil {
		err = context.Cause(ctx) // not the error that the program was killed
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
			continue // like exec.LookPath, never use the working directory
		}
		if binary, err := exec.LookPath(filepath.Join(dir, binaryName)); err == nil {
			return binary
		}
	}
	return ""
}

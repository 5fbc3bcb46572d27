// Package version reports which build of bootctl is running. bootctl and bootctl-lab
// share it, because they must have the same version to work together.
package version

import (
	"cmp"
	"runtime/debug"
)

// The linker sets these variables in builds by make and in releases, for example with
// -X github.com/bootctl/bootctl/internal/version.stamp=v0.1.0.
var stamp, commit, date string

// String returns the version of this build: the linker's stamp or, without one, the
// version that go install recorded, or "dev".
func String() string {
	if stamp != "" {
		return stamp
	}
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// Commit returns the commit that was built, and its time in RFC 3339; both are empty if
// neither the linker nor go build recorded them.
func Commit() (hash, at string) {
	recorded := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			recorded[setting.Key] = setting.Value
		}
	}
	return cmp.Or(commit, recorded["vcs.revision"]), cmp.Or(date, recorded["vcs.time"])
}

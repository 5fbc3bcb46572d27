// Package version knows which build of bootctl is running. bootctl and
// bootctl-lab share it, because they must be of one version to work together.
package version

import "runtime/debug"

// stamp is set by the linker in release builds:
// -X github.com/bootctl/bootctl/internal/version.stamp=v0.1.0.
var stamp string //nolint:gochecknoglobals // the linker can only set a package variable

// String returns the version of this build: the linker's stamp, else the
// version that go install recorded, else "dev".
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

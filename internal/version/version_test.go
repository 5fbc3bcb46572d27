package version

import "testing"

func TestString(t *testing.T) {
	if got := String(); got == "" {
		t.Error("the version is empty")
	}
	old := stamp
	t.Cleanup(func() { stamp = old })
	stamp = "v0.1.0"
	if got := String(); got != "v0.1.0" {
		t.Errorf("version = %q, want the linker's", got)
	}
}

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
		t.Errorf("version = %q, want the linker's stamp", got)
	}
}

func TestCommit(t *testing.T) {
	oldCommit, oldDate := commit, date
	t.Cleanup(func() { commit, date = oldCommit, oldDate })
	commit, date = "0123abc", "2026-01-31T18:00:00Z"
	if hash, at := Commit(); hash != "0123abc" || at != "2026-01-31T18:00:00Z" {
		t.Errorf("commit %q at %q, want the linker's values", hash, at)
	}
}

package main

import (
	"strings"
	"testing"
)

func TestApprove_UID(t *testing.T) {
	tests := []struct {
		name, uid string
		code      int
		reason    string
	}{
		{"same UID", "uid-1", 0, ""},
		{"another UID", "uid-9", 9, "CSRReplaced"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := invoke(t, hostileCluster(t), "csr", "approve", "request-of-n1", "--uid", tt.uid)
			if got.code != tt.code || !strings.Contains(got.errOut, tt.reason) {
				t.Errorf("exit code %d, stderr %q; want %d and %q", got.code, got.errOut, tt.code, tt.reason)
			}
		})
	}
}

func TestApprove_FailuresEscaped(t *testing.T) {
	got := invoke(t, hostileCluster(t), "csr", "approve", hostile)
	if got.code != 5 {
		t.Errorf("exit code %d, want 5", got.code)
	}
	checkClean(t, got)
}

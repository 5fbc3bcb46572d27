// Package testusage compares usage errors with the message that a test wants.
package testusage

import (
	"testing"

	"github.com/bootctl/bootctl/internal/failure"
)

// Check compares an error with the message that it wants after that of
// failure.ErrUsage, or no error where it wants none.
func Check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error = %v, want none", err)
	case want != "" && (err == nil || err.Error() != failure.ErrUsage.Error()+": "+want):
		t.Errorf("error = %v, want %s", err, want)
	}
}

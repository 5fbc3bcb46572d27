// Package testusage compares usage errors with the message that a test wants.
package testusage

import (
	"testing"

	"github.com/bootctl/bootctl/internal/failure"
)

// Check compares an error with the wanted message after failure.ErrUsage's message, or
// expects no error if the message is empty.
func Check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error = %v, want none", err)
	case want != "" && (err == nil || err.Error() != failure.ErrUsage.Error()+": "+want):
		t.Errorf("error = %v, want %s", err, want)
	}
}

// Package testusage compares usage errors with the message that a test wants.
package testusage

import (
	"errors"
	"testing"

	"github.com/bootctl/bootctl/internal/failure"
)

// Check compares a usage error with the wanted message, or expects no error if the message
// is empty.
func Check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error = %v, want none", err)
	case want != "" && (!errors.Is(err, failure.ErrUsage) || err.Error() != want):
		t.Errorf("error = %v, want %s", err, want)
	}
}

package labcmd

import (
	"errors"
	"testing"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
)

func TestUpOptions_Validate(t *testing.T) {
	checkUsage(t, upOptions{timeout: 1}.validate(&cli.Env{}), "")
	checkUsage(t, upOptions{}.validate(&cli.Env{}), "--timeout 0s leaves no time")
	if err := (upOptions{timeout: 1}).validate(&cli.Env{Goos: "windows"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("on Windows: %v", err)
	}
}

func TestLogsOptions_Validate(t *testing.T) {
	const oneForm = "a log has one form, so -o and -q mean nothing here"
	for want, globals := range map[string][]cli.GlobalOptions{"": {{}, {Output: "text"}}, oneForm: {{Output: "json"}, {Quiet: true}}} {
		for _, global := range globals {
			checkUsage(t, logsOptions{}.validate(&cli.Env{Global: global}), want)
		}
	}
}

// checkUsage compares an error with the message that it wants after that of
// failure.ErrUsage, or no error where it wants none.
func checkUsage(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error = %v, want none", err)
	case want != "" && (err == nil || err.Error() != failure.ErrUsage.Error()+": "+want):
		t.Errorf("error = %v, want %s", err, want)
	}
}

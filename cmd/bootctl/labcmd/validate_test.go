package labcmd

import (
	"errors"
	"testing"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/testusage"
)

func TestUpOptions_Validate(t *testing.T) {
	testusage.Check(t, upOptions{timeout: 1}.validate(&cli.Env{}), "")
	testusage.Check(t, upOptions{}.validate(&cli.Env{}), "--timeout must be positive, not 0s")
	if err := (upOptions{timeout: 1}).validate(&cli.Env{Goos: "windows"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("on Windows: %v", err)
	}
}

func TestLogsOptions_Validate(t *testing.T) {
	const conflict = "-o and -q cannot be used with a log"
	for want, globals := range map[string][]cli.GlobalOptions{"": {{}, {Output: "text"}}, conflict: {{Output: "json"}, {Quiet: true}}} {
		for _, global := range globals {
			testusage.Check(t, logsOptions{}.validate(&cli.Env{Global: global}), want)
		}
	}
}

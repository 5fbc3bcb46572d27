package main

import (
	"context"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/failure"
)

// An interrupted doctor prints no report.
func TestDoctor_Interrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(failure.ErrInterrupted)
	if got := invokeWith(ctx, t, hostileCluster(t), "doctor", "--server", nodesServer); got.code != 130 || got.out != "" {
		t.Errorf("exit code %d, stdout %q", got.code, got.out)
	}
}

func TestDoctor_Usage(t *testing.T) {
	for args, want := range map[string]string{
		"--timeout 0s": "--timeout must be positive, not 0s", "--auto-approve perhaps": `--auto-approve accepts nodes or none, not "perhaps"`,
		"--group system:masters": `--group "system:masters" is not a group of bootstrap tokens`,
	} {
		if got := invoke(t, hostileCluster(t), append([]string{"doctor"}, strings.Fields(args)...)...); got.code != 2 || got.out != "" || !strings.Contains(got.errOut, want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %q", args, got.code, got.out, got.errOut, want)
		}
	}
}

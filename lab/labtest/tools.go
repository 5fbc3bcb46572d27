package labtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// ReadFile returns the content of a file.
func ReadFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return text
}

// timeoutOf returns the index of --timeout's value in a command line, and the value.
func timeoutOf(args []string) (at int, timeout time.Duration, err error) {
	at = slices.Index(args, "--timeout") + 1
	if at == 0 || at == len(args) {
		return 0, 0, fmt.Errorf("no --timeout in %q", args)
	}
	timeout, err = time.ParseDuration(args[at])
	return at, timeout, err
}

// RetryTimeout runs a command line that is expected to give up at its --timeout until it
// ends as wanted. On a busy machine, the timeout can pass before the program reaches the
// state that the test wants; then it is run again with four times the timeout. run reports
// whether the program ended as wanted. RetryTimeout returns an error if the program ended
// otherwise before its timeout, or with a timeout that only a hang reaches.
func RetryTimeout(args []string, run func(args []string) bool) error {
	args = slices.Clone(args)
	for {
		at, timeout, err := timeoutOf(args)
		if err != nil {
			return err
		}
		begin := time.Now()
		if run(args) {
			return nil
		}
		if took := time.Since(begin); took < timeout || 4*timeout > Hang {
			return fmt.Errorf("it did not end as wanted after %s, with --timeout %s", took.Round(time.Millisecond), timeout)
		}
		args[at] = (4 * timeout).String()
	}
}

// RunCommand runs a program and returns its exit code, stdout and stderr.
func RunCommand(t *testing.T, cmd *exec.Cmd) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Error(err)
		return -1, "", ""
	}
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(stdout.String()), stderr.String()
}

// SmallOrFull returns the size of a load test: the smallest that shows the fault or,
// under make soak, the full one.
func SmallOrFull[T any](small, full T) T {
	if os.Getenv("BOOTCTL_SOAK") != "" {
		return full
	}
	return small
}

// RequireTools skips the test where a tool is missing. With BOOTCTL_NO_SKIP the test
// runs, and fails, instead.
func RequireTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("BOOTCTL_NO_SKIP") == "" {
			t.Skip(err)
		}
	}
}

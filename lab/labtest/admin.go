package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/lab/labtest"
)

// timeoutOf returns the place of the value of --timeout in a command line, and the
// value.
func timeoutOf(args []string) (at int, timeout time.Duration, err error) {
	at = slices.Index(args, "--timeout") + 1
	if at == 0 || at == len(args) {
		return 0, 0, fmt.Errorf("no --timeout in %q", args)
	}
	timeout, err = time.ParseDuration(args[at])
	return at, timeout, err
}

// giveUp runs a command line that is to give up at its --timeout, until it ends as
// wanted: on a busy machine the time may be over before the program has come as far
// as the test wants. Then it gets four times as much. run returns whether the
// program ended as wanted; that it did not before its time was over, or with as much
// time as only a hang takes, is an error.
func giveUp(args []string, run func(args []string) bool) error {
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
		if took := time.Since(begin); took < timeout || 4*timeout > labtest.Hang {
			return fmt.Errorf("it did not end as wanted after %s, with --timeout %s", took.Round(time.Millisecond), timeout)
		}
		args[at] = (4 * timeout).String()
	}
}

// program runs the built bootctl as the administrator of a server.
type program struct{ server *labtest.Server }

func newProgram(t *testing.T) program {
	t.Helper()
	server, err := labtest.Start(filepath.Join(t.TempDir(), "lab"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return program{server}
}

// run returns the exit code, stdout and stderr.
func (p program) run(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	return p.exec(t, "bootctl", args...)
}

func (p program) exec(t *testing.T, name string, args ...string) (int, string, string) {
	t.Helper()
	return result(t, p.server.Command(name, args...))
}

// result runs a program and returns its exit code, stdout and stderr.
func result(t *testing.T, cmd *exec.Cmd) (int, string, string) {
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

// must runs what has to succeed, and returns its stdout.
func (p program) must(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := p.run(t, args...)
	if code != 0 {
		t.Fatalf("bootctl %s: exit code %d\n%s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// tokenFile creates a token and writes it to a file.
func (p program) tokenFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(p.must(t, "token", "create")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// changedKubeconfig writes the administrator's kubeconfig with a change, and returns
// its path.
func (p program) changedKubeconfig(t *testing.T, change func(*clientcmdapi.Config)) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(p.server.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.ResolveLocalPaths(config); err != nil {
		t.Fatal(err)
	}
	change(config)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

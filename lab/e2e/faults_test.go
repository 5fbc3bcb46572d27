package e2e

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
)

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

// TestFaults joins through a proxy that injects a fault, which must be seen.
func TestFaults(t *testing.T) {
	p := newProgram(t)
	proxy, err := faultproxy.Before(p.server)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close() //nolint:errcheck // the test is over
	p.must(t, "setup", "--endpoint", proxy.URL)
	token := p.tokenFile(t)
	first := func(n int64, fault faultproxy.Fault) func(*http.Request) faultproxy.Fault {
		var seen atomic.Int64
		return func(*http.Request) faultproxy.Fault {
			if seen.Add(1) > n {
				return faultproxy.Fault{}
			}
			return fault
		}
	}
	body := func(text string) faultproxy.Fault {
		return faultproxy.Fault{Rewrite: func(resp *http.Response) error {
			resp.Body = io.NopCloser(strings.NewReader(text))
			resp.ContentLength = int64(len(text))
			resp.Header.Del("Content-Length")
			return nil
		}}
	}
	post := func(fault faultproxy.Fault) func(*http.Request) faultproxy.Fault {
		inner := first(2, fault)
		return func(r *http.Request) faultproxy.Fault {
			if r.Method != http.MethodPost {
				return faultproxy.Fault{}
			}
			return inner(r)
		}
	}
	unavailable := faultproxy.Fault{Rewrite: func(resp *http.Response) error {
		resp.StatusCode = http.StatusServiceUnavailable
		resp.Header.Set("Retry-After", "1")
		return nil
	}}
	tests := []struct {
		name   string
		fault  func(*http.Request) faultproxy.Fault
		code   int
		stderr string
	}{
		{"hung up", first(2, faultproxy.Fault{Drop: true}), 0, "(Unreachable)"},
		{"answer lost", first(2, faultproxy.Fault{DropAnswer: true}), 0, "(Unreachable)"},
		{"request not heard", post(faultproxy.Fault{Drop: true}), 0, "(Unreachable)"},
		{"request heard, answer lost", post(faultproxy.Fault{DropAnswer: true}), 0, "(Unreachable)"},
		{"slow", first(1, faultproxy.Fault{Delay: 2 * time.Second}), 0, "waiting: no answer yet"},
		{"asked to come back", first(2, unavailable), 0, "waiting: "},
		{"junk", first(1, body("junk")), 4, "(NotAnAPIServer)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := proxy.Faults()
			proxy.Inject(test.fault)
			defer proxy.Inject(nil)
			name := "faulty-" + strings.ReplaceAll(strings.ReplaceAll(test.name, " ", "-"), ",", "")
			code, _, stderr := p.run(t, "join", proxy.URL, "--token-file", token, "--ca-file", p.server.CAFile, "--node-name", name, "--out-dir", t.TempDir(), "--timeout", "30s")
			if code != test.code || !strings.Contains(stderr, test.stderr) {
				t.Errorf("exit code %d, want %d and %q; stderr\n%s", code, test.code, test.stderr, stderr)
			}
			if proxy.Faults() == before {
				t.Error("no fault was injected")
			}
			if requests := p.must(t, "csr", "list", "-o", "go-template={{range .items}}{{if eq .nodeName \""+name+"\"}}x{{end}}{{end}}"); code == 0 && requests != "x" {
				t.Errorf("requests %q, want one", requests)
			}
		})
	}
}

package scripts

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/bootctl/bootctl/lab/labtest"
)

// TestApprove_PromptOnTerminal answers the prompt of a bulk approval with Ctrl-C, no and
// yes.
func TestApprove_PromptOnTerminal(t *testing.T) {
	p := labtest.NewAdminWithoutApprover(t)
	if err := p.Server.SubmitNodes(t.Context(), "asked", 3); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, answer string
		code         int
		approved     string
	}{
		{"Ctrl-C", "\x03", 130, ""},
		{"no", "n\n", 2, ""},
		{"yes", "y\n", 0, "Approved Approved Approved"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := p.Server.Command("bootctl", "csr", "approve", "--pending")
			terminal, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer terminal.Close() //nolint:errcheck // the test is over
			defer time.AfterFunc(labtest.Hang, func() { _ = cmd.Process.Kill() }).Stop()
			shown := bufio.NewReader(terminal)
			question, err := shown.ReadString(']')
			if err != nil || !strings.Contains(question, "CSRs to approve: node-csr-") || !strings.Contains(question, "Approve 3 of 3 CSRs?") {
				t.Errorf("the prompt is %q (%v)", question, err)
			}
			if _, err := terminal.WriteString(test.answer); err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(shown) // ends with an error when the other side is closed
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d; after the prompt: %s", code, test.code, rest)
			}
			if got := p.MustRun(t, "csr", "list", "-o", "jsonpath={.items[?(@.reason==\"BootctlApprove\")].conditions[0]}"); got != test.approved {
				t.Errorf("approved: %q, want %q", got, test.approved)
			}
		})
	}
}

// TestTokenCreate_ManyOnTerminal interrupts the creation of many tokens, which prints its
// progress. All tokens created by then are printed.
func TestTokenCreate_ManyOnTerminal(t *testing.T) {
	p := labtest.NewAdminWithoutApprover(t)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // the test is over
	cmd := p.Server.Command("bootctl", "token", "create", "--count", "10000", "--description", "interrupted", "--usages", "authentication", "-q")
	cmd.Stdout = out
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close() //nolint:errcheck // the test is over
	defer time.AfterFunc(labtest.Hang, func() { _ = cmd.Process.Kill() }).Stop()
	shown := bufio.NewReader(terminal)
	progress, err := shown.ReadString('f')
	if err != nil || !strings.Contains(progress, "bootctl: created ") {
		t.Errorf("the progress is %q (%v)", progress, err)
	}
	if _, err := terminal.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(shown) // ends with an error when the other side is closed
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130; stderr %s", code, rest)
	}
	if lines := strings.Count(string(rest), "\n"); lines > 3 {
		t.Errorf("%d lines after the interrupt: %.500s", lines, rest)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	printed := strings.Fields(string(text))
	made := strings.Fields(p.MustRun(t, "token", "list", "-o", `jsonpath={.items[?(@.description=="interrupted")].id}`))
	slices.Sort(printed)
	slices.Sort(made)
	if len(made) == 0 || len(made) == 10000 || !slices.Equal(printed, made) {
		t.Errorf("%d tokens were printed, and %d created", len(printed), len(made))
	}
	t.Logf("%d tokens were created and printed", len(made))
	p.MustRun(t, append([]string{"token", "delete"}, made...)...)
}

// TestJoin_OnTerminal checks that a join prints the current step on one line, with its time
// and what it waits for, within the width of the terminal, and each finished step.
func TestJoin_OnTerminal(t *testing.T) {
	p := labtest.NewAdminWithoutApprover(t)
	cmd := p.Server.Command("bootctl", "join", p.Server.URL(), "--token-file", p.CreateTokenFile(t), "--ca-file", p.Server.CAFile,
		"--node-name", "watched", "--out-dir", t.TempDir())
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 60})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close() //nolint:errcheck // the test is over
	defer time.AfterFunc(labtest.Hang, func() { _ = cmd.Process.Kill() }).Stop()
	seen := readUntil(terminal, regexp.MustCompile(`s, for [0-9.]+s`))
	p.MustRun(t, "csr", "approve", "--node", "watched")
	rest, _ := io.ReadAll(terminal) // ends with an error when the other side is closed
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s%s", err, seen, rest)
	}
	shown := seen + string(rest)
	for _, want := range []string{
		"bootctl: generating a key: ", "bootctl: reading and verifying cluster-info: ", "\r\x1b[K",
		"(CSRPending)", "an administrator approves it with: bootctl csr approve", "bootctl: confirming the identity with the API server: ",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the terminal lacks %q:\n%q", want, shown)
		}
	}
	for _, line := range strings.Split(shown, "\r\x1b[K") {
		if drawn, _, ended := strings.Cut(line, "\n"); !ended && len([]rune(drawn)) > 59 {
			t.Errorf("%d columns: %q", len([]rune(drawn)), drawn)
		}
	}
	if strings.Contains(stdout.String(), "\x1b") || !strings.Contains(stdout.String(), "system:node:watched") {
		t.Errorf("stdout %q", stdout.String())
	}
}

// readUntil reads from a terminal until the pattern matches, or until its other side is
// closed.
func readUntil(from io.Reader, pattern *regexp.Regexp) string {
	var seen strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		seen.Write(buf[:n])
		if err != nil || pattern.MatchString(seen.String()) {
			return seen.String()
		}
	}
}

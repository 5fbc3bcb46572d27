package e2e

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestQuestionOnTerminal answers the question of a bulk approval with Ctrl-C, no
// and yes.
func TestQuestionOnTerminal(t *testing.T) {
	p := withoutApprover(t)
	if err := p.server.SubmitNodes(t.Context(), "asked", 3); err != nil {
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
			cmd := p.server.Command("bootctl", "csr", "approve", "--pending")
			terminal, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer terminal.Close() //nolint:errcheck // the test is over
			defer time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
			shown := bufio.NewReader(terminal)
			question, err := shown.ReadString(']')
			if err != nil || !strings.Contains(question, "to be approved: node-csr-") || !strings.Contains(question, "Approve 3 of 3 requests?") {
				t.Errorf("it asks %q (%v)", question, err)
			}
			if _, err := terminal.WriteString(test.answer); err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(shown) // ends with an error when the other side is gone
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d; after the question: %s", code, test.code, rest)
			}
			if got := p.must(t, "csr", "list", "-o", "jsonpath={.items[?(@.reason==\"BootctlApprove\")].conditions[0]}"); got != test.approved {
				t.Errorf("approved: %q, want %q", got, test.approved)
			}
		})
	}
}

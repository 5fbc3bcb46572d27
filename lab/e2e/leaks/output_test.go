// Package leaks checks that no output contains secrets, in any encoding and in any place
// that a program writes to, or control characters from the server.
package leaks

import (
	"bytes"
	cryptorand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"github.com/creack/pty"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// hostileTexts returns texts that a server can have in names, subjects and messages.
func hostileTexts() map[string]string {
	return map[string]string{
		"escape":   "\x1b[31mred\x1b]0;title\x07",
		"linefeed": "one\ntwo\r\nthree\ttab",
		"bidi":     "user\u202etxt.exe\u2066x\u2069",
		"hidden":   "a\u200bb\u00adc\u2028d\u009be",
		"shell":    "$(touch x) `id` 'quoted' \"double\" \\",
		"flag":     "--force",
		"long":     strings.Repeat("long", 1250),
		"nul":      "a\x00b",
	}
}

// plantHostileText creates a CSR with the text in its name, subject and last condition, as
// far as the API server accepts it, and returns its name.
func plantHostileText(t *testing.T, p labtest.Admin, label, text string) string {
	t.Helper()
	key := testca.Key(t)
	template := x509.CertificateRequest{Subject: pkix.Name{CommonName: "user " + text, Organization: []string{text}}}
	object, err := csr.NewRequest(csr.RequestSpec{Template: template}, key, cryptorand.Reader)
	if err != nil {
		t.Fatalf("%s: %v", label, err)
	}
	object.Name = text
	client := p.ClientAs(t, "").CertificatesV1().CertificateSigningRequests()
	stored, err := client.Create(t.Context(), object, metav1.CreateOptions{})
	if err != nil {
		t.Logf("%s: refused as a name: %.100v", label, err)
		object.Name = "named-" + label
		if stored, err = client.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", label, err)
		}
	}
	stored.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{
		Type: certificatesv1.CertificateDenied, Status: corev1.ConditionTrue, Reason: text, Message: text,
	}}
	if _, err := client.UpdateApproval(t.Context(), stored.Name, stored, metav1.UpdateOptions{}); err != nil {
		t.Fatalf("%s: %v", label, err)
	}
	return stored.Name
}

// runOnTerminal runs bootctl with a terminal for stdin, stdout and stderr.
func runOnTerminal(t *testing.T, p labtest.Admin, args ...string) string {
	t.Helper()
	terminal, err := pty.StartWithSize(p.Server.Command("bootctl", args...), &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(terminal)
	if err != nil && !errors.Is(err, syscall.EIO) { // EIO means that the other side is closed
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// runInPipe runs bootctl with stdout and stderr in one pipe.
func runInPipe(t *testing.T, p labtest.Admin, args ...string) string {
	t.Helper()
	out, err := p.Server.Command("bootctl", args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

// TestOutput_HostileTexts stores hostile texts on a server: no format prints them
// unescaped, on a terminal or in a pipe, and JSON preserves them.
func TestOutput_HostileTexts(t *testing.T) {
	t.Parallel()
	p := labtest.NewAdminWithoutApprover(t)
	var names []string
	for label, text := range hostileTexts() {
		if name := plantHostileText(t, p, label, text); !strings.Contains(name, "\x00") { // an argument cannot contain NUL
			names = append(names, name)
		}
	}
	formats := []string{"table", "wide", "name", "json", "yaml", "jsonpath={}", "jsonpath={.items[*].name}", "go-template={{.}}", "go-template={{range .items}}{{.message}}{{end}}"}
	commands := [][]string{{"csr", "list"}, append([]string{"csr", "approve", "--"}, names...), append([]string{"csr", "deny", "--reason", "X", "--"}, names...)}
	for _, name := range names {
		for _, verb := range []string{"review", "wait"} {
			commands = append(commands, []string{"csr", verb, "--", name})
		}
	}
	for _, command := range commands {
		for _, format := range formats {
			args := slices.Insert(slices.Clone(command), 2, "-o", format, "-v", "1")
			checkPrintable(t, args, runInPipe(t, p, args...))
			if format == "table" || command[1] == "list" {
				checkPrintable(t, args, runOnTerminal(t, p, args...))
			}
		}
	}
	wantSameTexts(t, p, names)
	if deleted := p.MustRun(t, "csr", "delete", "--denied", "-q"); strings.Count(deleted, "\n")+1 != len(hostileTexts()) {
		t.Errorf("deleted %q", deleted)
	}
}

// checkPrintable checks that the output has no control characters except line ends and
// the sequence that clears a bulk command's progress line.
func checkPrintable(t *testing.T, args []string, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%.80q printed nothing", args)
	}
	for _, r := range strings.ReplaceAll(text, "\r\x1b[K", "") {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%.80q: raw %U in %q", args, r, text)
			break
		}
	}
}

// wantSameTexts checks that JSON has each name and message unchanged.
func wantSameTexts(t *testing.T, p labtest.Admin, names []string) {
	t.Helper()
	var list output.CSRList
	if err := json.NewDecoder(bytes.NewBufferString(p.MustRun(t, "csr", "list", "-o", "json"))).Decode(&list); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, item := range list.Items {
		found = append(found, item.Name)
		if want := hostileTexts(); !slices.Contains([]string{item.Message, ""}, item.Reason) || item.Subject == "" {
			t.Errorf("%q: reason %q, message %q, want one of %d", item.Name, item.Reason, item.Message, len(want))
		}
	}
	for _, name := range names {
		if !slices.Contains(found, name) {
			t.Errorf("%.80q is not among the names", name)
		}
	}
}

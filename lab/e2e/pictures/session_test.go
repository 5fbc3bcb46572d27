package pictures

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/creack/pty"

	"github.com/bootctl/bootctl/lab/labtest"
)

// maxColumns is the width of the terminal.
const maxColumns = 100

// documentationHost is the address that a picture shows for the control plane.
const documentationHost = "192.0.2.1:6443"

// line is a line of a terminal: a command with its prompt, or output.
type line struct {
	text    string
	command bool
}

// step is a command of a session.
type step struct {
	host    string // not the administrator's
	command string
	hidden  string // flags that only the lab needs
	code    int    // the exit code
	keep    string // a pattern of the lines that are shown, with the indented lines below them
}

// typed returns the command with its prompt.
func (p step) typed() string {
	if p.host != "" {
		return p.host + "# " + p.command
	}
	return "$ " + p.command
}

// session is a shell of an administrator.
type session struct {
	labtest.Admin
	dir string
}

// run runs the command of a step at a terminal and returns the lines that are shown.
func (s session) run(t *testing.T, p step) []line {
	t.Helper()
	host := strings.TrimPrefix(s.Server.URL(), "https://")
	bootctl := s.Server.Command("bootctl")
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(p.command, documentationHost, host)+p.hidden)
	cmd.Dir = s.dir
	cmd.Env = append(bootctl.Env, "TERM=xterm-256color", "PATH="+filepath.Dir(bootctl.Path)+":"+os.Getenv("PATH"))
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: maxColumns})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()            //nolint:errcheck // the command has ended
	output, _ := io.ReadAll(terminal) // ends with an error when the other side is closed
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != p.code {
		t.Fatalf("%s: exit code %d, want %d\n%s", p.command, code, p.code, output)
	}
	screen := strings.NewReplacer(host, documentationHost, filepath.Join(s.dir, "root"), "").Replace(withoutStatusLine(string(output)))
	lines := []line{{p.typed(), true}}
	for _, text := range abridge(screen, p.keep) {
		if strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%s: svg cannot draw %q", p.command, text)
		}
		lines = append(lines, line{text: text})
	}
	return lines
}

var erased = regexp.MustCompile(`(?m)^.*\r\x1b\[K`)

// withoutStatusLine returns what remains on a terminal after a command.
func withoutStatusLine(output string) string {
	return erased.ReplaceAllString(strings.ReplaceAll(output, "\r\n", "\n"), "")
}

// longNames are shortened as in the pages.
var longNames = []*regexp.Regexp{
	regexp.MustCompile(`(node-csr-[\w-]{4})[\w-]{39}`),
	regexp.MustCompile(`(sha256:[0-9a-f]{8})[0-9a-f]{56}`),
	regexp.MustCompile(`((?:[0-9a-f]{4} ){6})(?:[0-9a-f]{4} ){9}[0-9a-f]{4}`),
}

// abridge shortens long names and lines, and replaces the lines that are not kept with
// "...".
func abridge(screen, keep string) []string {
	for _, long := range longNames {
		screen = long.ReplaceAllString(screen, "$1…")
	}
	shown := regexp.MustCompile(keep)
	var lines []string
	kept, omitted := false, false
	for text := range strings.Lines(screen) {
		text = strings.TrimSuffix(text, "\n")
		if !strings.HasPrefix(text, "      ") {
			kept = shown.MatchString(text)
		}
		switch {
		case kept:
			lines, omitted = append(lines, shorten(text)), false
		case !omitted:
			lines, omitted = append(lines, "..."), true
		}
	}
	return lines
}

// shorten cuts a line that is wider than the terminal after a word.
func shorten(text string) string {
	if utf8.RuneCountInString(text) <= maxColumns {
		return text
	}
	text = string([]rune(text)[:maxColumns-1])
	return text[:strings.LastIndex(text, " ")+1] + "…"
}

package e2e

import (
	"bytes"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// anyCode is the exit code where it depends on what runs at the same time.
const anyCode = -1

func (r leakRow) is(word string) bool { return slices.Contains(strings.Fields(r.how), word) }

// shows says whether stdout may hold a token, and must.
func (r leakRow) shows() bool { return r.is("shown") || r.is("random") }

func (r leakRow) expanded() []leakRow {
	first, others, several := strings.Cut(r.args, " | ")
	if !several {
		return []leakRow{r}
	}
	var rows []leakRow
	for other := range strings.SplitSeq(others, " | ") {
		rows = append(rows, leakRow{first + " " + other, r.code, r.how})
	}
	return rows
}

// run runs bootctl, and checks that the secret came out nowhere but where it is
// the result, and there it must.
func (r leakRun) run(t *testing.T) {
	t.Helper()
	var w watched
	hasCode := func(args []string) bool {
		var err error
		if w, err = r.watch(args); err != nil {
			t.Errorf("%s: %v", args, err)
			return true
		}
		for place, form := range r.leaks(w) {
			t.Errorf("%s (%s): the secret came out, %s, on %s\nstdout %.2000s\nstderr %.2000s", args, r.how, form, place, w.stdout, w.stderr)
		}
		return r.code == anyCode || w.cmd.ProcessState.ExitCode() == r.code
	}
	var err error
	switch {
	case r.is("late"):
		err = giveUp(r.args, func(args []string) bool {
			if r.shows() {
				r.must(t, "token", "delete", "--ignore-not-found", r.id) // of the try before
			}
			return hasCode(args)
		})
	case !hasCode(r.args):
		err = errors.New("once")
	}
	if err != nil {
		t.Errorf("%s (%s): exit code %d, want %d (%v); stderr\n%s", r.args, r.how, w.cmd.ProcessState.ExitCode(), r.code, err, w.stderr)
	}
	if len(w.argv) == 0 {
		t.Errorf("%s: its command line was not seen", r.args)
	}
	if r.shows() && !r.isShown(w) {
		t.Errorf("%s: the token is not shown, so this proves nothing: stdout %s", r.args, w.stdout)
	}
}

func (r leakRun) watch(args []string) (watched, error) {
	cmd := r.server.Command("bootctl", args...)
	cmd.Dir = filepath.Join(r.dir, "work")
	cmd.Env = append(cmd.Env, "HOME="+filepath.Join(r.dir, "home"), "TMPDIR="+filepath.Join(r.dir, "tmp"))
	if r.is("env") {
		cmd.Env = append(cmd.Env, "BOOTCTL_TOKEN="+r.tok)
	}
	if r.is("stdin") {
		cmd.Stdin = strings.NewReader(r.tok)
	}
	if r.is("full") {
		cmd.Stdout = r.full
	}
	return watch(cmd, r.dir, nil)
}

// isShown says whether a token is on stdout.
func (r leakRun) isShown(w watched) bool {
	if r.is("random") {
		return tokenText.Match(w.stdout)
	}
	return bytes.Contains(w.stdout, []byte(r.tok))
}

// leaks says where a secret came out that may not, and in which form.
func (r leakRun) leaks(w watched) map[string]string {
	scan := r.scan
	if r.is("random") {
		for _, match := range tokenText.FindAllSubmatch(w.stdout, -1) {
			scan.forms = append(slices.Clip(scan.forms), newLeakScan(string(match[1])).forms...)
		}
	}
	found := scan.leaks(w)
	if r.shows() {
		delete(found, "stdout")
	}
	return found
}

var tokenText = regexp.MustCompile(`\b[a-z0-9]{6}\.([a-z0-9]{16})\b`)

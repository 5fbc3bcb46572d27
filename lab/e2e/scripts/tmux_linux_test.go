package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
)

// pane is a terminal that someone sits at.
type pane struct {
	socket string
	env    []string
}

// newPane runs a shell in a terminal of that size, with the programs that are
// tested on its PATH.
func (p program) newPane(t *testing.T, columns, rows int, shell string, vars ...string) pane {
	t.Helper()
	tool(t, "tmux")
	dir := t.TempDir()
	command := p.server.Command("bootctl")
	s := pane{filepath.Join(dir, "tmux"), append(command.Env, append(vars, "TERM=screen-256color", "LC_ALL=C.UTF-8", "HISTFILE=")...)}
	path := filepath.Dir(command.Path)
	s.tmux(t, "-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows), "-c", dir, shell)
	t.Cleanup(func() { s.tmux(t, "kill-server") })
	s.until(t, `[#$%] *$`)
	s.send(t, "PS1='$ '; PATH="+path+":$PATH; clear", "Enter")
	s.until(t, `^\$ *$`)
	return s
}

func (s pane) tmux(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// send types text, or presses keys by their names.
func (s pane) send(t *testing.T, keys ...string) {
	t.Helper()
	s.tmux(t, append([]string{"send-keys"}, keys...)...)
}

// screen is what stands on the terminal.
func (s pane) screen(t *testing.T) string {
	t.Helper()
	return strings.TrimRight(s.tmux(t, "capture-pane", "-p"), "\n ")
}

// until waits for what matches on one line of the screen, and returns the screen.
func (s pane) until(t *testing.T, pattern string) string {
	t.Helper()
	line := regexp.MustCompile("(?m)" + pattern)
	for end := time.Now().Add(labtest.Hang); ; time.Sleep(50 * time.Millisecond) {
		screen := s.screen(t)
		if line.MatchString(screen) {
			return screen
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not come; there stands\n%s", pattern, screen)
		}
	}
}

// complete presses the tab key until a text stands there: once completes a word, and
// once more shows a choice.
func (s pane) complete(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(labtest.Hang); time.Now().Before(end); {
		s.send(t, "Tab")
		for range 20 {
			time.Sleep(50 * time.Millisecond)
			if strings.Contains(s.screen(t), want) {
				return
			}
		}
	}
	t.Fatalf("%q does not come; there stands\n%s", want, s.screen(t))
}

// changes waits until the screen is another than before, and returns it.
func (s pane) changes(t *testing.T, before string) string {
	t.Helper()
	for end := time.Now().Add(labtest.Hang); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if now := s.screen(t); now != before {
			return now
		}
	}
	t.Fatalf("the screen stays\n%s", before)
	return ""
}

// constant replaces what differs from run to run.
func (p program) constant(screen string) string {
	for _, replaced := range []struct{ pattern, by string }{
		{regexp.QuoteMeta(p.server.URL()), "SERVER"},
		{regexp.QuoteMeta(p.server.CAFile), "CA"},
		{`node-csr-[\w-]+`, "REQUEST"},
		{`sha256:[0-9a-f]+`, "FINGERPRINT"},
		{`([0-9a-f]{4} ){15}[0-9a-f]{4}`, "GROUPS"},
		{`\d+(\.\d+)?m?s\b`, "TIME"},
	} {
		screen = regexp.MustCompile(replaced.pattern).ReplaceAllString(screen, replaced.by)
	}
	return screen
}

func (p program) wantScreen(t *testing.T, screen, want string) {
	t.Helper()
	if got := p.constant(screen); got != strings.TrimSpace(want) {
		t.Errorf("there stands\n%s\nwant\n%s", got, want)
	}
}

// TestAtTerminal does what a person does, in terminals of several kinds.
func TestAtTerminal(t *testing.T) {
	t.Parallel()
	p := withoutApprover(t)
	join := fmt.Sprintf("bootctl join %s --token-file %s --ca-file %s --out-dir out", p.server.URL(), p.tokenFile(t), p.server.CAFile)

	t.Run("join", func(t *testing.T) {
		s := p.newPane(t, 300, 24, "bash --norc --noprofile")
		s.send(t, "clear; "+join+" --node-name at-terminal; echo ended with $?", "Enter")
		screen := s.until(t, `^bootctl: waiting for the certificate: \d.*, for \d`)
		p.wantScreen(t, screen, `
bootctl: making a key: TIME
bootctl: reading and verifying cluster-info: TIME
bootctl: asking for a certificate: TIME
bootctl: waiting: request REQUEST: pending: nobody has approved it yet (CSRPending)
bootctl: request REQUEST is for the key FINGERPRINT, in groups: GROUPS
bootctl: an administrator approves it with: bootctl csr approve REQUEST --fingerprint FINGERPRINT
bootctl: waiting for the certificate: TIME, for TIME: request REQUEST: pending: nobody has approved it yet`)
		s.send(t, "C-c")
		screen = s.until(t, `^ended with 130`)
		if lines := strings.Split(screen, "\n"); strings.Contains(lines[len(lines)-3], "waiting for the certificate") || !strings.Contains(screen, "bootctl: error: interrupted (Interrupted)") {
			t.Errorf("after Ctrl-C there stands\n%s", screen)
		}
	})

	t.Run("narrow", func(t *testing.T) {
		s := p.newPane(t, 44, 40, "bash --norc --noprofile")
		s.send(t, "clear; "+join+" --node-name at-narrow-terminal", "Enter")
		screen := s.until(t, `^bootctl: waiting for the certificate: .*…$`)
		if n := strings.Count(screen, "bootctl: waiting for the certificate"); n != 1 {
			t.Errorf("the live line stands there %d times:\n%s", n, screen)
		}
		for range 3 { // it is drawn anew, in the same row
			again := s.changes(t, screen)
			if strings.Count(again, "\n") != strings.Count(screen, "\n") {
				t.Errorf("the screen grew from\n%s\nto\n%s", screen, again)
			}
			screen = again
		}
		s.send(t, "C-c")
		s.until(t, `^\$ *$`)
	})

	t.Run("NO_COLOR", func(t *testing.T) {
		s := p.newPane(t, 300, 24, "bash --norc --noprofile", "NO_COLOR=1")
		s.send(t, "clear; "+join+" --node-name without-colour; echo ended with $?", "Enter")
		s.until(t, `approves it with`)
		s.send(t, "C-c")
		p.wantScreen(t, strings.ReplaceAll(s.until(t, `^ended with 130`), "^C", ""), `
bootctl: making a key
bootctl: reading and verifying cluster-info
bootctl: asking for a certificate
bootctl: waiting for the certificate
bootctl: waiting: request REQUEST: pending: nobody has approved it yet (CSRPending)
bootctl: request REQUEST is for the key FINGERPRINT, in groups: GROUPS
bootctl: an administrator approves it with: bootctl csr approve REQUEST --fingerprint FINGERPRINT
bootctl: error: interrupted (Interrupted)
ended with 130
$`)
	})

	t.Run("approve many", func(t *testing.T) { p.approveAtTerminal(t) })
}

// approveAtTerminal is asked, sees the number grow, and breaks it off.
func (p program) approveAtTerminal(t *testing.T) {
	t.Helper()
	const many = 2500
	if err := p.server.SubmitNodes(t.Context(), "at-terminal", many); err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.Before(p.server)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close() //nolint:errcheck // the test is over
	var approvals atomic.Int64
	proxy.Inject(func(r *http.Request) faultproxy.Fault {
		if r.Method == http.MethodPut && approvals.Add(1) > many/2 {
			return faultproxy.Fault{Delay: time.Second} // so that it cannot be done before it is broken off
		}
		return faultproxy.Fault{}
	})
	s := p.newPane(t, 100, 24, "bash --norc --noprofile", "THROUGH="+p.throughProxy(t, proxy))
	s.send(t, "clear; bootctl csr approve --kubeconfig $THROUGH --pending -q >out; echo ended with $?", "Enter")
	s.until(t, `\[y/N\]`)
	s.send(t, "y", "Enter")
	s.until(t, `^bootctl: approved \d+ of `)
	s.send(t, "C-c")
	s.until(t, `^ended with 130`)
	s.send(t, "clear; wc -l <out; bootctl csr list --pending -q | wc -l", "Enter")
	screen := s.until(t, `(?s)^\d+\n\d+\n\$`)
	var approved, pending int
	if _, err := fmt.Sscan(screen, &approved, &pending); err != nil || approved == 0 || pending == 0 || approved+pending < many {
		t.Errorf("of %d requests %d were told of as approved, and %d are pending (%v)", many, approved, pending, err)
	}
	t.Logf("%d approved and told of, %d pending", approved, pending)
}

// TestCompletionInShells presses the tab key.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	tool(t, "zsh")
	const bashCompletion = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(bashCompletion); err != nil && os.Getenv("BOOTCTL_NO_SKIP") == "" {
		t.Skip(err)
	}
	p := newProgram(t)
	p.must(t, "setup", "--endpoint", p.server.URL())
	id := p.must(t, "token", "create", "--description", "to be completed", "-q")
	root := filepath.Join(t.TempDir(), "node")
	p.must(t, "join", p.server.URL(), "--token-file", p.tokenFile(t), "--ca-file", p.server.CAFile, "--node-name", "completed", "--rootfs", root)
	request := p.must(t, "csr", "list", "-q")
	shells := []struct{ name, command, load string }{
		{"bash", "bash --norc --noprofile", ". " + bashCompletion + "; . <(bootctl completion bash)"},
		{"zsh", "zsh -f", "autoload -U compinit; compinit -D; . <(bootctl completion zsh)"},
	}
	for _, shell := range shells {
		t.Run(shell.name, func(t *testing.T) {
			s := p.newPane(t, 200, 24, shell.command)
			s.send(t, shell.load+"; clear; echo load''ed", "Enter")
			s.until(t, `^loaded`)
			for _, test := range []struct{ typed, want string }{
				{"bootctl csr rev", "bootctl csr review"},
				{"bootctl token check " + id[:3], "bootctl token check " + id},
				{"bootctl csr review node-csr", "bootctl csr review " + request},
				{"bootctl csr list --context ", "bootctl csr list --context admin@bootctl-lab"},
				{"bootctl setup --auto-approve no", "nodes"},
				{"bootctl csr wait -o js", "json"},
			} {
				s.send(t, "-l", test.typed)
				s.complete(t, test.want)
				s.send(t, "C-c")
				s.send(t, "clear", "Enter")
				s.until(t, `^\$ *$`)
			}
		})
	}
}

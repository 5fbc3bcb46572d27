package scripts

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

// terminalPane is a tmux pane that runs a shell.
type terminalPane struct {
	socket string
	env    []string
}

// newPane runs a shell in a terminal of the given size, with the tested programs on its
// PATH.
func newPane(t *testing.T, p labtest.Admin, columns, rows int, shell string, vars ...string) terminalPane {
	t.Helper()
	labtest.RequireTools(t, "tmux")
	dir := t.TempDir()
	command := p.Server.Command("bootctl")
	s := terminalPane{filepath.Join(dir, "tmux"), append(command.Env, append(vars, "TERM=screen-256color", "LC_ALL=C.UTF-8", "HISTFILE=")...)}
	path := filepath.Dir(command.Path)
	s.tmux(t, "-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows), "-c", dir, shell)
	t.Cleanup(func() { s.tmux(t, "kill-server") })
	s.waitFor(t, `[#$%] *$`)
	s.send(t, "PS1='$ '; PATH="+path+":$PATH; clear", "Enter")
	s.waitFor(t, `^\$ *$`)
	return s
}

func (s terminalPane) tmux(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// send types text or presses named keys.
func (s terminalPane) send(t *testing.T, keys ...string) {
	t.Helper()
	s.tmux(t, append([]string{"send-keys"}, keys...)...)
}

// screen returns the content of the terminal.
func (s terminalPane) screen(t *testing.T) string {
	t.Helper()
	return strings.TrimRight(s.tmux(t, "capture-pane", "-p"), "\n ")
}

// waitFor waits until a line of the screen matches, and returns the screen.
func (s terminalPane) waitFor(t *testing.T, pattern string) string {
	t.Helper()
	line := regexp.MustCompile("(?m)" + pattern)
	for end := time.Now().Add(labtest.Hang); ; time.Sleep(50 * time.Millisecond) {
		screen := s.screen(t)
		if line.MatchString(screen) {
			return screen
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not appear on the screen\n%s", pattern, screen)
		}
	}
}

// completeWith presses the tab key until the text appears: the first press completes a
// word, the second shows the choices.
func (s terminalPane) completeWith(t *testing.T, want string) {
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
	t.Fatalf("%q does not appear on the screen\n%s", want, s.screen(t))
}

// waitForChange waits until the screen differs from before, and returns it.
func (s terminalPane) waitForChange(t *testing.T, before string) string {
	t.Helper()
	for end := time.Now().Add(labtest.Hang); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if now := s.screen(t); now != before {
			return now
		}
	}
	t.Fatalf("the screen does not change\n%s", before)
	return ""
}

// maskVariableText replaces the text that differs between runs.
func maskVariableText(p labtest.Admin, screen string) string {
	for _, replaced := range []struct{ pattern, by string }{
		{regexp.QuoteMeta(p.Server.URL()), "SERVER"},
		{regexp.QuoteMeta(p.Server.CAFile), "CA"},
		{`node-csr-[\w-]+`, "REQUEST"},
		{`sha256:[0-9a-f]+`, "FINGERPRINT"},
		{`([0-9a-f]{4} ){15}[0-9a-f]{4}`, "GROUPS"},
		{`\d+(\.\d+)?m?s\b`, "TIME"},
	} {
		screen = regexp.MustCompile(replaced.pattern).ReplaceAllString(screen, replaced.by)
	}
	return screen
}

func wantScreen(t *testing.T, p labtest.Admin, screen, want string) {
	t.Helper()
	if got := maskVariableText(p, screen); got != strings.TrimSpace(want) {
		t.Errorf("the screen is\n%s\nwant\n%s", got, want)
	}
}

// TestTerminal_Screens runs commands like a person, in several kinds of terminals.
func TestTerminal_Screens(t *testing.T) {
	t.Parallel()
	p := labtest.NewAdminWithoutApprover(t)
	join := fmt.Sprintf("bootctl join %s --token-file %s --ca-file %s --out-dir out", p.Server.URL(), p.CreateTokenFile(t), p.Server.CAFile)

	t.Run("join", func(t *testing.T) {
		s := newPane(t, p, 300, 24, "bash --norc --noprofile")
		s.send(t, "clear; "+join+" --node-name at-terminal; echo exited with code $?", "Enter")
		screen := s.waitFor(t, `^bootctl: waiting for the certificate: \d.*, for \d`)
		wantScreen(t, p, screen, `
bootctl: generating a key: TIME
bootctl: reading and verifying cluster-info: TIME
bootctl: requesting a certificate: TIME
bootctl: waiting: CSR REQUEST: pending: not approved yet (CSRPending)
bootctl: CSR REQUEST has the key fingerprint FINGERPRINT, in groups: GROUPS
bootctl: to approve it, an administrator runs: bootctl csr approve REQUEST --fingerprint FINGERPRINT
bootctl: waiting for the certificate: TIME, for TIME: CSR REQUEST: pending: not approved yet`)
		s.send(t, "C-c")
		screen = s.waitFor(t, `^exited with code 130`)
		if lines := strings.Split(screen, "\n"); strings.Contains(lines[len(lines)-3], "waiting for the certificate") || !strings.Contains(screen, "bootctl: error: interrupted (Interrupted)") {
			t.Errorf("after Ctrl-C, the screen is\n%s", screen)
		}
	})

	t.Run("narrow", func(t *testing.T) {
		s := newPane(t, p, 44, 40, "bash --norc --noprofile")
		s.send(t, "clear; "+join+" --node-name at-narrow-terminal", "Enter")
		screen := s.waitFor(t, `^bootctl: waiting for the certificate: .*…$`)
		if n := strings.Count(screen, "bootctl: waiting for the certificate"); n != 1 {
			t.Errorf("the progress line appears %d times:\n%s", n, screen)
		}
		for range 3 { // the line is updated in the same row
			again := s.waitForChange(t, screen)
			if strings.Count(again, "\n") != strings.Count(screen, "\n") {
				t.Errorf("the screen grew from\n%s\nto\n%s", screen, again)
			}
			screen = again
		}
		s.send(t, "C-c")
		s.waitFor(t, `^\$ *$`)
	})

	t.Run("NO_COLOR", func(t *testing.T) {
		s := newPane(t, p, 300, 24, "bash --norc --noprofile", "NO_COLOR=1")
		s.send(t, "clear; "+join+" --node-name without-color; echo exited with code $?", "Enter")
		s.waitFor(t, `an administrator runs`)
		s.send(t, "C-c")
		wantScreen(t, p, strings.ReplaceAll(s.waitFor(t, `^exited with code 130`), "^C", ""), `
bootctl: generating a key
bootctl: reading and verifying cluster-info
bootctl: requesting a certificate
bootctl: waiting for the certificate
bootctl: waiting: CSR REQUEST: pending: not approved yet (CSRPending)
bootctl: CSR REQUEST has the key fingerprint FINGERPRINT, in groups: GROUPS
bootctl: to approve it, an administrator runs: bootctl csr approve REQUEST --fingerprint FINGERPRINT
bootctl: error: interrupted (Interrupted)
exited with code 130
$`)
	})

	t.Run("approve many", func(t *testing.T) { approveAtTerminal(t, p) })
}

// approveAtTerminal answers the prompt, waits for progress, and interrupts the approval.
func approveAtTerminal(t *testing.T, p labtest.Admin) {
	t.Helper()
	const many = 2500
	if err := p.Server.SubmitNodes(t.Context(), "at-terminal", many); err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.Before(p.Server)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close() //nolint:errcheck // the test is over
	var approvals atomic.Int64
	proxy.Inject(func(r *http.Request) faultproxy.Fault {
		if r.Method == http.MethodPut && approvals.Add(1) > many/2 {
			return faultproxy.Fault{Delay: time.Second} // so that the interrupt comes before the end
		}
		return faultproxy.Fault{}
	})
	s := newPane(t, p, 100, 24, "bash --norc --noprofile", "THROUGH="+p.WriteProxyKubeconfig(t, proxy.URL))
	s.send(t, "clear; bootctl csr approve --kubeconfig $THROUGH --pending -q >out; echo exited with code $?", "Enter")
	s.waitFor(t, `\[y/N\]`)
	s.send(t, "y", "Enter")
	s.waitFor(t, `^bootctl: approved \d+ of `)
	s.send(t, "C-c")
	s.waitFor(t, `^exited with code 130`)
	s.send(t, "clear; wc -l <out; bootctl csr list --pending -q | wc -l", "Enter")
	screen := s.waitFor(t, `(?s)^\d+\n\d+\n\$`)
	var approved, pending int
	if _, err := fmt.Sscan(screen, &approved, &pending); err != nil || approved == 0 || pending == 0 || approved+pending < many {
		t.Errorf("of %d CSRs, %d were reported as approved, and %d are pending (%v)", many, approved, pending, err)
	}
	t.Logf("%d approved and reported, %d pending", approved, pending)
}

// TestCompletion_InShells tests completion with the tab key.
func TestCompletion_InShells(t *testing.T) {
	t.Parallel()
	labtest.RequireTools(t, "zsh")
	const bashCompletion = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(bashCompletion); err != nil && os.Getenv("BOOTCTL_NO_SKIP") == "" {
		t.Skip(err)
	}
	p := labtest.NewAdmin(t)
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	id := p.MustRun(t, "token", "create", "--description", "to be completed", "-q")
	root := filepath.Join(t.TempDir(), "node")
	p.MustRun(t, "join", p.Server.URL(), "--token-file", p.CreateTokenFile(t), "--ca-file", p.Server.CAFile, "--node-name", "completed", "--rootfs", root)
	request := p.MustRun(t, "csr", "list", "-q")
	shells := []struct{ name, command, load string }{
		{"bash", "bash --norc --noprofile", ". " + bashCompletion + "; . <(bootctl completion bash)"},
		{"zsh", "zsh -f", "autoload -U compinit; compinit -D; . <(bootctl completion zsh)"},
	}
	for _, shell := range shells {
		t.Run(shell.name, func(t *testing.T) {
			s := newPane(t, p, 200, 24, shell.command)
			s.send(t, shell.load+"; clear; echo load''ed", "Enter")
			s.waitFor(t, `^loaded`)
			for _, test := range []struct{ typed, want string }{
				{"bootctl csr rev", "bootctl csr review"},
				{"bootctl token check " + id[:3], "bootctl token check " + id},
				{"bootctl csr review node-csr", "bootctl csr review " + request},
				{"bootctl csr list --context ", "bootctl csr list --context admin@bootctl-lab"},
				{"bootctl setup --auto-approve no", "nodes"},
				{"bootctl csr wait -o js", "json"},
			} {
				s.send(t, "-l", test.typed)
				s.completeWith(t, test.want)
				s.send(t, "C-c")
				s.send(t, "clear", "Enter")
				s.waitFor(t, `^\$ *$`)
			}
		})
	}
}

package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
)

// reader types the commands of pages. The machine that becomes a node is worker-7.
type reader struct {
	dir  string   // the working directory
	root string   // the root directory of worker-7
	real []string // pairs: what a page shows, and what it is on this control plane
	vars string   // the assignments of the page
	env  []string
}

// programs are programs that the pages run. A join that names no directory writes below
// $ROOT, and none writes outside of $DIR, also where tests run as root. The others do what is
// needed of them here: copy a file to worker-7, and create the Node that a kubelet creates,
// with the node's credentials.
var programs = map[string]string{
	"bootctl": `
[ "$1" = join ] || exec "$BIN/bootctl" "$@"
case " $*" in
*" --rootfs $DIR"* | *" --rootfs "[!/]*) exec "$BIN/bootctl" "$@" ;;
*--rootfs* | *--out-dir*) echo "join would write outside of $DIR: $*" >&2; exit 99 ;;
esac
shift
exec "$BIN/bootctl" join --node-name worker-7 --rootfs "$ROOT" "$@"
`,
	"scp": `
mkdir -p "$ROOT/root" && cp -p "$2" "$ROOT/root"
`,
	"systemctl": `
kubectl --kubeconfig "$ROOT/etc/kubernetes/kubelet.conf" create -f - <<END
{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-7"}, "status": {"addresses": [
  {"type": "Hostname", "address": "worker-7"}, {"type": "InternalIP", "address": "192.0.2.7"}]}}
END
`,
	"make": `
[ "$*" = demo ] && exec sh "$REPOSITORY/lab/demo.sh"
`,
}

// newReader returns the reader of a page. The server, if any, has the address that the pages
// show, and its administrator is the reader.
func newReader(t *testing.T, server *labtest.Server) *reader {
	t.Helper()
	bin, err := labtest.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	own := filepath.Join(dir, "bin")
	r := &reader{dir: dir, root: filepath.Join(dir, "root"), env: []string{
		"PATH=" + strings.Join([]string{own, bin, os.Getenv("PATH")}, string(filepath.ListSeparator)),
		"HOME=" + dir, "TMPDIR=" + dir, "DIR=" + dir, "BIN=" + bin, "REPOSITORY=" + labtest.Root(t),
	}}
	if server != nil {
		address := strings.TrimPrefix(server.URL(), "https://")
		r.real = []string{"192.0.2.1:6443", address, "192.0.2.10:6443", address}
		r.env = append(r.env, "KUBECONFIG="+server.Kubeconfig)
	}
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(own, name), []byte("#!/bin/sh"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { // a page that failed can leave its lab
		r.mustRun(t, "bootctl lab down --delete; bootctl lab down --dir lab --delete")
	})
	return r
}

// interpreters are the command lines by the language of a block. They end at the first
// command that fails.
var interpreters = map[string][]string{
	"sh": {"dash", "-euc"}, "console": {"dash", "-euc"}, "bash": {"bash", "-ec"}, "zsh": {"zsh", "-ec"},
}

// shell returns the process that runs the text of a block. ROOT is read-only, so that no page
// can set it to the root directory of the machine that runs the test.
func (r *reader) shell(lang, text string, env ...string) *exec.Cmd {
	before := fmt.Sprintf("ROOT='%s'; readonly ROOT; export ROOT\n", r.root)
	if lang == "zsh" {
		before += "fpath=(. $fpath)\n" // not a directory of the machine
	}
	words := interpreters[lang]
	cmd := exec.Command(words[0], words[1], before+strings.NewReplacer(r.real...).Replace(r.vars+text))
	cmd.Dir, cmd.Env = r.dir, append(append([]string{}, r.env...), env...)
	return cmd
}

// mustRun runs commands of the test itself.
func (r *reader) mustRun(t *testing.T, text string) (output string) {
	t.Helper()
	return r.end(t, r.start(t, "sh", command{text: text}))
}

// running is a command that was started.
type running struct {
	command
	*exec.Cmd
	output *os.File // stdout and stderr, as on a terminal
}

func (r *reader) start(t *testing.T, lang string, c command) running {
	t.Helper()
	output, err := os.CreateTemp(t.TempDir(), "output")
	if err != nil {
		t.Fatal(err)
	}
	started := running{c, r.shell(lang, c.text), output}
	started.Stdout, started.Stderr = output, output
	if err := started.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Process.Kill() }) // if the test fails before its end
	return started
}

// printed returns the output up to now.
func (c running) printed(t *testing.T) string {
	t.Helper()
	return string(labtest.ReadFile(t, c.output.Name()))
}

var failureShown = regexp.MustCompile(`FAIL|"?error"?:|"error"`)

// end waits until a command exits. It must succeed, unless the page shows that it fails, and
// must have printed what the page shows.
func (r *reader) end(t *testing.T, c running) (output string) {
	t.Helper()
	defer time.AfterFunc(labtest.Hang, func() { _ = c.Process.Kill() }).Stop()
	err := c.Wait()
	output = c.printed(t)
	_ = c.output.Close()
	if mayFail := c.shown && failureShown.MatchString(c.command.output); err != nil && !mayFail {
		t.Fatalf("%v\n%s\n%s", err, c.text, output)
	}
	if !c.shown {
		return output
	}
	if line := firstDifference(strings.NewReplacer(r.real...).Replace(c.command.output), output); line != "" {
		t.Errorf("$ %s\nthe output differs from the page at: %s\nthe page shows:\n%s\nthe output is:\n%s", c.text, line, c.command.output, output)
	}
	return output
}

// assignment is a line in which the page sets a variable for its later blocks.
var assignment = regexp.MustCompile(`^([A-Z_]+)=`)

// follow runs the blocks one after another, and returns the output of the last command.
func (r *reader) follow(t *testing.T, blocks ...*block) (output string) {
	t.Helper()
	for _, b := range blocks {
		if len(b.commands) == 0 {
			t.Fatalf("a block below %q cannot be run\n%s", b.heading, b.text)
		}
		b.ran = true
		for _, c := range b.commands {
			switch set := assignment.FindStringSubmatch(c.text); {
			case b.lang != "console" || set == nil:
				output = r.end(t, r.start(t, b.lang, c))
			case set[1] != "ROOT":
				r.vars += c.text
			}
		}
	}
	return output
}

// keyFingerprint is the line in which join prints the fingerprint of its key, on a page or in
// an output.
var keyFingerprint = regexp.MustCompile(`CSR (\S+) has the key fingerprint (\S+), in groups: (([0-9a-f ]{24}) [0-9a-f]{4})`)

// followApproval starts a block's join, which waits for its approval, and returns a function
// that waits for its end. The name and the fingerprint of the CSR on the page are those of
// the join from now on.
func (r *reader) followApproval(t *testing.T, b *block) (end func()) {
	t.Helper()
	if len(b.commands) != 1 {
		t.Fatalf("%d commands below %q", len(b.commands), b.heading)
	}
	shown := keyFingerprint.FindStringSubmatch(b.commands[0].output)
	if shown == nil {
		t.Fatalf("the page shows no fingerprint below %q", b.heading)
	}
	b.ran = true
	join := r.start(t, b.lang, b.commands[0])
	var printed []string
	for begin := time.Now(); printed == nil && time.Since(begin) < labtest.Hang; time.Sleep(50 * time.Millisecond) {
		printed = keyFingerprint.FindStringSubmatch(join.printed(t))
	}
	if printed == nil {
		t.Fatalf("join printed no fingerprint\n%s", join.printed(t))
	}
	for i, text := range shown[1:] {
		r.real = append(r.real, text, printed[1+i])
	}
	return func() { t.Helper(); r.end(t, join) }
}

// quotes checks that the output contains a text that the page quotes in a sentence.
func (p *page) quotes(t *testing.T, text, output string) {
	t.Helper()
	if !strings.Contains(p.text, "`"+text+"`") {
		t.Errorf("%s does not quote %q", p.name, text)
	}
	if !strings.Contains(normalize(output), text) {
		t.Errorf("%s quotes %q, but the output is\n%s", p.name, text, output)
	}
}

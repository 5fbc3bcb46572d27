package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

// errorsOf are the errors that each mutating call gets.
var errorsOf = map[string][]string{
	"mkdirat":   {"ENOSPC", "EIO", "EROFS"},
	"fchmod":    {"EIO", "EROFS"},
	"pwrite64":  {"ENOSPC", "EIO", "EDQUOT"},
	"fsync":     {"ENOSPC", "EIO"},
	"renameat":  {"ENOSPC", "EIO"},
	"symlinkat": {"ENOSPC", "EIO"},
}

// TestJoinDiskErrors lets every step that writes fail. What stood there stays as
// it was until it is replaced as a whole, and the same command then completes.
func TestJoinDiskErrors(t *testing.T) {
	needs(t, "strace")
	j := newJoiner(t)
	// strace counts the calls of each thread, and a join may wander to another
	// while it waits for the network. So the steps before that are looked at in the
	// first two, and those after it where no steps come before.
	over := j.expirer(t)
	for _, start := range []start{
		{"fresh", func(*testing.T, string, join.Layout) {}},
		{"over-another", over},
		{"with-a-key", func(t *testing.T, node string, l join.Layout) { t.Helper(); over(t, node, l); writeKey(t, l) }},
	} {
		t.Run(start.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "root")
			start.prepare(t, "all-"+start.name, join.RootFS(dir))
			whole := j.trace(t, j.args("all-"+start.name, "--rootfs", dir), nil, func([]byte) {})
			steps := whole.steps()
			if start.name != "with-a-key" {
				steps = beforeNetwork(t, steps)
			}
			var jobs []func()
			for step, rule := range injections(steps) {
				for _, errno := range errorsOf[rule.call] {
					node := strings.ToLower(fmt.Sprintf("%s-%d-%s", start.name, step, errno))
					inject := fmt.Sprintf("%s:error=%s:when=%d", rule.call, errno, rule.nth)
					jobs = append(jobs, func() { j.failsAt(t, start, node, inject, step) })
				}
			}
			var done atomic.Int64
			for i, job := range jobs {
				jobs[i] = func() { job(); done.Add(1) }
			}
			together(4, jobs)
			j.askedOnce(t, start.name, len(jobs))
			t.Logf("%d errors in %d steps", done.Load(), len(injections(steps)))
		})
	}
}

func writeKey(t *testing.T, l join.Layout) {
	t.Helper()
	key, err := csr.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := csr.EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(l.Current()), pendingName), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// beforeNetwork returns the steps until the key is on disk.
func beforeNetwork(t *testing.T, steps []string) []string {
	t.Helper()
	for i, step := range steps {
		if strings.HasPrefix(step, "renameat(") && strings.Contains(step, pendingName+`")`) {
			return steps[:i+2]
		}
	}
	t.Fatalf("no key is written in %q", steps)
	return nil
}

// nth is one of the calls of a name, the first of which is 1.
type nth struct {
	call string
	nth  int
}

// injections returns the steps that can get an error.
func injections(steps []string) map[int]nth {
	rules, seen := map[int]nth{}, map[string]int{}
	for i, step := range steps {
		name, _, _ := strings.Cut(step, "(")
		seen[name]++
		if errorsOf[name] != nil {
			rules[i] = nth{name, seen[name]}
		}
	}
	return rules
}

// failsAt lets a step of a join fail, looks at the files, and completes it.
func (j joiner) failsAt(t *testing.T, start start, node, inject string, step int) {
	t.Helper()
	for try := range 50 { // on a busy machine, it wanders more often
		dir := filepath.Join(t.TempDir(), "root")
		l, node := join.RootFS(dir), fmt.Sprintf("%s-%d", node, try)
		start.prepare(t, node, l)
		before := contents(t, l)
		args := j.args(node, "--rootfs", dir)
		failed := j.trace(t, args, []string{inject}, func([]byte) {})
		steps := failed.steps()
		at := slices.IndexFunc(steps, func(s string) bool { return strings.HasSuffix(s, "(INJECTED)") })
		if at != step {
			t.Logf("%s: %s hit step %d, want %d; once more", node, inject, at+1, step+1)
			continue
		}
		what := fmt.Sprintf("%s: %s at step %d", node, inject, step+1)
		refused(t, what, failed.code, failed.stdout, failed.stderr)
		if strings.Contains(failed.stderr, "no such file") {
			t.Errorf("%s: it blames the cleaning up, too:\n%s", what, failed.stderr)
		}
		after := contents(t, l)
		for path, text := range before {
			if !replaced(steps[:at], path) && !bytes.Equal(after[path], text) {
				t.Errorf("%s: %s is no longer what it was", what, path)
			}
		}
		for path := range after {
			if strings.HasPrefix(filepath.Base(path), ".") {
				t.Errorf("%s: left behind: %s", what, path)
			}
		}
		for _, wrong := range j.whole(l) {
			t.Errorf("%s: %s", what, wrong)
		}
		if code, _, stderr := j.run(t, args...); code != 0 {
			t.Errorf("%s, then exit code %d\n%s", what, code, stderr)
		}
		for _, wrong := range j.complete(l) {
			t.Errorf("%s, then completed: %s", what, wrong)
		}
		return
	}
	t.Errorf("%s: %s never hit step %d", node, inject, step+1)
}

// replaced says whether one of the steps put another file in the place of path.
func replaced(steps []string, path string) bool {
	return slices.ContainsFunc(steps, func(s string) bool {
		return strings.HasPrefix(s, "renameat(") && strings.HasSuffix(s, fmt.Sprintf("%q) = 0", path))
	})
}

// contents returns what stands below the directories of a layout: the text of
// files, the target of links, nothing of directories.
func contents(t *testing.T, l join.Layout) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, dir := range []string{filepath.Dir(l.Kubeconfig()), filepath.Dir(l.Current())} {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			switch {
			case os.IsNotExist(err):
				return nil
			case err != nil:
				return err
			case entry.Type() == os.ModeSymlink:
				target, err := os.Readlink(path)
				all[path] = []byte(target)
				return err
			case entry.Type().IsRegular():
				all[path], err = os.ReadFile(path)
				return err
			}
			all[path] = nil
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	return all
}

// TestJoinReadOnly wants a directory that cannot be written to be found before
// anything is sent.
func TestJoinReadOnly(t *testing.T) {
	needs(t, "unshare", "mount")
	j := newJoiner(t)
	over := j.expirer(t)
	fresh := func(t *testing.T, _ string, l join.Layout) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(filepath.Dir(l.Kubeconfig()), "..", ".."), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, prepare := range map[string]func(*testing.T, string, join.Layout){"": fresh, "etc/kubernetes": over, "etc/kubernetes/pki": over, "var/lib/kubelet/pki": over} {
		t.Run("root/"+name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "root")
			l, node := join.RootFS(dir), "read-only-"+strings.ReplaceAll(name, "/", "-")+"x"
			prepare(t, node, l)
			before := contents(t, l)
			args := j.args(node, "--rootfs", dir, "-v", "1")
			code, stdout, stderr := result(t, readOnly(t, filepath.Join(dir, name), j.server.Command("bootctl", args...)))
			refused(t, "read-only", code, stdout, stderr)
			if strings.Contains(stderr, "call:") {
				t.Errorf("something was sent before that was known:\n%s", stderr)
			}
			if after := contents(t, l); !maps.EqualFunc(before, after, bytes.Equal) {
				t.Errorf("the files were changed: %q, %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
			if n := j.asked(t)[node]; n != 0 {
				t.Errorf("%d requests were sent", n)
			}
			j.must(t, args...)
		})
	}
}

// readOnly returns the command that runs where nothing below dir can be written.
func readOnly(t *testing.T, dir string, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
		return cmd
	}
	script := `mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@"`
	isolated := exec.Command("unshare", append([]string{"-m", "sh", "-euc", script, dir}, cmd.Args...)...)
	isolated.Env = cmd.Env
	return isolated
}

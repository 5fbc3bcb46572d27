package joinfaults

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

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

// injectedErrors has the errors that are injected into each mutating call.
var injectedErrors = map[string][]string{
	"mkdirat":   {"ENOSPC", "EIO", "EROFS"},
	"fchmod":    {"EIO", "EROFS"},
	"pwrite64":  {"ENOSPC", "EIO", "EDQUOT"},
	"fsync":     {"ENOSPC", "EIO"},
	"renameat":  {"ENOSPC", "EIO"},
	"symlinkat": {"ENOSPC", "EIO"},
}

// TestJoin_DiskErrors injects an error into every step that writes. Each existing file is
// unchanged until it is completely replaced, and the same command then completes.
func TestJoin_DiskErrors(t *testing.T) {
	labtest.RequireTools(t, "strace")
	j := newJoiner(t)
	// strace counts the calls of each thread, and a join can move to another thread
	// while it waits for the network. The steps before that are tested in the first
	// two cases, and the later steps where no steps come before them.
	over := j.expiredIdentityWriter(t)
	for _, start := range []startState{
		{"fresh", func(*testing.T, string, join.Layout) {}},
		{"over-another", over},
		{"with-a-key", func(t *testing.T, node string, l join.Layout) { t.Helper(); over(t, node, l); writePendingKey(t, l) }},
	} {
		t.Run(start.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "root")
			start.prepare(t, "all-"+start.name, join.RootFS(dir))
			whole := j.traceJoin(t, j.args("all-"+start.name, "--rootfs", dir), nil, func([]byte) {})
			steps := whole.steps()
			if start.name != "with-a-key" {
				steps = stepsBeforeNetwork(t, steps)
			}
			var jobs []func()
			for step, rule := range injections(steps) {
				for _, errno := range injectedErrors[rule.call] {
					node := strings.ToLower(fmt.Sprintf("%s-%d-%s", start.name, step, errno))
					inject := fmt.Sprintf("%s:error=%s:when=%d", rule.call, errno, rule.nth)
					jobs = append(jobs, func() { j.failAtStep(t, start, node, inject, step) })
				}
			}
			var done atomic.Int64
			for i, job := range jobs {
				jobs[i] = func() { job(); done.Add(1) }
			}
			runConcurrently(4, jobs)
			j.wantOneCSREach(t, start.name, len(jobs))
			t.Logf("%d errors in %d steps", done.Load(), len(injections(steps)))
		})
	}
}

func writePendingKey(t *testing.T, l join.Layout) {
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

// stepsBeforeNetwork returns the number of steps until the key is on disk.
func stepsBeforeNetwork(t *testing.T, steps []string) []string {
	t.Helper()
	for i, step := range steps {
		if strings.HasPrefix(step, "renameat(") && strings.Contains(step, pendingName+`")`) {
			return steps[:i+2]
		}
	}
	t.Fatalf("no key is written in %q", steps)
	return nil
}

// occurrence is one of the calls with a name, counted from 1.
type occurrence struct {
	call string
	nth  int
}

// injections returns the steps that can fail.
func injections(steps []string) map[int]occurrence {
	rules, seen := map[int]occurrence{}, map[string]int{}
	for i, step := range steps {
		name, _, _ := strings.Cut(step, "(")
		seen[name]++
		if injectedErrors[name] != nil {
			rules[i] = occurrence{name, seen[name]}
		}
	}
	return rules
}

// failAtStep injects an error into a step of a join, checks the files, and completes the join.
func (j joiner) failAtStep(t *testing.T, start startState, node, inject string, step int) {
	t.Helper()
	for try := range 50 { // on a busy machine, a join moves between threads more often
		dir := filepath.Join(t.TempDir(), "root")
		l, node := join.RootFS(dir), fmt.Sprintf("%s-%d", node, try)
		start.prepare(t, node, l)
		before := readLayout(t, l)
		args := j.args(node, "--rootfs", dir)
		failed := j.traceJoin(t, args, []string{inject}, func([]byte) {})
		steps := failed.steps()
		at := slices.IndexFunc(steps, func(s string) bool { return strings.HasSuffix(s, "(INJECTED)") })
		if at != step {
			t.Logf("%s: %s hit step %d, want %d; retrying", node, inject, at+1, step+1)
			continue
		}
		what := fmt.Sprintf("%s: %s at step %d", node, inject, step+1)
		wantLocalFileError(t, what, failed.code, failed.stdout, failed.stderr)
		if strings.Contains(failed.stderr, "no such file") {
			t.Errorf("%s: it also reports an error of the clean-up:\n%s", what, failed.stderr)
		}
		after := readLayout(t, l)
		for path, text := range before {
			if !isReplaced(steps[:at], path) && !bytes.Equal(after[path], text) {
				t.Errorf("%s: %s was changed", what, path)
			}
		}
		for path := range after {
			if strings.HasPrefix(filepath.Base(path), ".") {
				t.Errorf("%s: left behind: %s", what, path)
			}
		}
		for _, wrong := range j.fileProblems(l) {
			t.Errorf("%s: %s", what, wrong)
		}
		if code, _, stderr := j.Run(t, args...); code != 0 {
			t.Errorf("%s, then exit code %d\n%s", what, code, stderr)
		}
		for _, wrong := range j.incompleteFiles(l) {
			t.Errorf("%s, then completed: %s", what, wrong)
		}
		return
	}
	t.Errorf("%s: %s never hit step %d", node, inject, step+1)
}

// isReplaced reports whether one of the steps replaced the file at path.
func isReplaced(steps []string, path string) bool {
	return slices.ContainsFunc(steps, func(s string) bool {
		return strings.HasPrefix(s, "renameat(") && strings.HasSuffix(s, fmt.Sprintf("%q) = 0", path))
	})
}

// readLayout returns the entries below the directories of a layout: the content of files,
// the target of links, and an empty text for directories.
func readLayout(t *testing.T, l join.Layout) map[string][]byte {
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

// TestJoin_ReadOnlyDirectory checks that a read-only directory is reported before anything
// is sent.
func TestJoin_ReadOnlyDirectory(t *testing.T) {
	labtest.RequireTools(t, "unshare", "mount")
	j := newJoiner(t)
	over := j.expiredIdentityWriter(t)
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
			before := readLayout(t, l)
			args := j.args(node, "--rootfs", dir, "-v", "1")
			code, stdout, stderr := labtest.RunCommand(t, withReadOnlyDir(t, filepath.Join(dir, name), j.Server.Command("bootctl", args...)))
			wantLocalFileError(t, "read-only", code, stdout, stderr)
			if strings.Contains(stderr, "bootctl: request:") {
				t.Errorf("something was sent before the error:\n%s", stderr)
			}
			if after := readLayout(t, l); !maps.EqualFunc(before, after, bytes.Equal) {
				t.Errorf("the files were changed: %q, %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
			if n := csrsByNode(t, j.Admin)[node]; n != 0 {
				t.Errorf("%d requests were sent", n)
			}
			j.MustRun(t, args...)
		})
	}
}

// withReadOnlyDir returns the command with everything below dir mounted read-only.
func withReadOnlyDir(t *testing.T, dir string, cmd *exec.Cmd) *exec.Cmd {
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

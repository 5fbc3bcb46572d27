package joinfaults

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/join"
)

// TestJoin_Killed kills a join at every step that changes a file. Each file is then missing
// or complete, and the same command completes the join.
func TestJoin_Killed(t *testing.T) {
	labtest.RequireTools(t, "strace")
	j := newJoiner(t)
	for _, start := range j.startStates(t) {
		t.Run(start.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "root")
			start.prepare(t, "all-"+start.name, join.RootFS(dir))
			whole := j.traceJoin(t, j.args("all-"+start.name, "--rootfs", dir), nil, func([]byte) {})
			steps := whole.steps()
			if whole.code != 0 || len(steps) < 20 {
				t.Fatalf("exit code %d after %d steps\n%s", whole.code, len(steps), whole.stderr)
			}
			logSteps(t, dir, steps)
			wantSyncedInOrder(t, steps)
			runs := labtest.SmallOrFull(5, 50)
			var jobs []func()
			hits := make([]atomic.Int64, len(steps))
			for step := range steps {
				for run := range runs {
					node := fmt.Sprintf("%s-%d-%d", start.name, step, run)
					jobs = append(jobs, func() { j.killAtStep(t, start, node, hits, step) })
				}
			}
			runConcurrently(4, jobs)
			j.wantOneCSREach(t, start.name, len(jobs))
			for step := range hits {
				if n := hits[step].Load(); n < int64(runs) {
					t.Errorf("step %d was killed %d times, want %d", step+1, n, runs)
				}
			}
			t.Logf("%d steps, each killed %d times or more", len(steps), runs)
		})
	}
}

// wantSyncedInOrder checks that files are complete after a power failure: each file is
// synced before its rename, and each directory after a name in it was added or changed.
func wantSyncedInOrder(t *testing.T, steps []string) {
	t.Helper()
	synced := map[string]bool{}
	for i, step := range steps {
		quoted := quotedPath.FindAllStringSubmatch(step, -1)
		name, _, _ := strings.Cut(step, "(")
		switch {
		case name == "fsync":
			_, path, _ := strings.Cut(step, "<")
			path, _, _ = strings.Cut(path, ">")
			synced[path] = true
		case name == "renameat" && !strings.HasSuffix(quoted[0][1], "/link") && !synced[quoted[0][1]]:
			t.Errorf("step %d renames a file that is not synced: %s", i+1, step)
		}
		if (name != "renameat" && name != "mkdirat") || strings.HasSuffix(quoted[0][1], ".tmp") && name == "mkdirat" {
			continue
		}
		parent := fmt.Sprintf("<%s>)", filepath.Dir(quoted[len(quoted)-1][1]))
		if !slices.ContainsFunc(steps[i:min(i+4, len(steps))], func(s string) bool { return strings.HasPrefix(s, "fsync(") && strings.Contains(s, parent) }) {
			t.Errorf("step %d adds a name, and the directory is not synced afterwards: %s", i+1, step)
		}
	}
}

// quotedPath matches a path in a step.
var quotedPath = regexp.MustCompile(`"([^"]*)"`)

// startState is the state of the files before a join.
type startState struct {
	name    string
	prepare func(t *testing.T, node string, l join.Layout)
}

// startStates returns the possible start states: no files, and expired credentials.
func (j joiner) startStates(t *testing.T) []startState {
	t.Helper()
	return []startState{
		{"fresh", func(*testing.T, string, join.Layout) {}},
		{"over-another", j.expiredIdentityWriter(t)},
	}
}

// expiredIdentityWriter returns a function that writes expired node credentials. The
// kubeconfig, which is the same for every node, is copied from a join.
func (j joiner) expiredIdentityWriter(t *testing.T) func(*testing.T, string, join.Layout) {
	t.Helper()
	dir := t.TempDir()
	j.MustRun(t, j.args("model", "--rootfs", dir)...)
	kubeconfig := labtest.ReadFile(t, join.RootFS(dir).Kubeconfig())
	return func(t *testing.T, node string, l join.Layout) {
		t.Helper()
		j.writeExpiredIdentity(t, node, l, kubeconfig)
	}
}

// killAtStep kills a join at a step, checks the files, and completes the join. If the kill
// was too late, it counts for the step that it hit, and killAtStep tries again with more
// time.
func (j joiner) killAtStep(t *testing.T, start startState, node string, hits []atomic.Int64, step int) {
	t.Helper()
	for try := range 7 {
		dir := filepath.Join(t.TempDir(), "root")
		l, node := join.RootFS(dir), fmt.Sprintf("%s-%d", node, try)
		start.prepare(t, node, l)
		args := j.args(node, "--rootfs", dir)
		dead := j.killAtCall(t, args, step, 5*time.Millisecond<<(2*try))
		reached := len(dead.steps()) - 1
		if dead.code == 0 {
			t.Logf("%s: the kill was too late", node)
			continue
		}
		if dead.code != 137 || dead.stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q, want a kill\n%s", node, dead.code, dead.stdout, dead.stderr)
			return
		}
		for _, wrong := range j.fileProblems(l) {
			t.Errorf("%s: killed at step %d: %s", node, reached+1, wrong)
		}
		if code, _, stderr := j.Run(t, args...); code != 0 {
			t.Errorf("%s: killed at step %d, then exit code %d\n%s", node, reached+1, code, stderr)
		}
		for _, wrong := range j.incompleteFiles(l) {
			t.Errorf("%s: killed at step %d, then completed: %s", node, reached+1, wrong)
		}
		if reached >= len(hits) {
			t.Logf("%s: more steps than expected; the last are %q", node, dead.steps()[len(hits)-1:])
			continue
		}
		hits[reached].Add(1)
		if reached == step {
			return
		}
	}
	t.Errorf("%s: not killed at step %d", node, step+1)
}

// wantOneCSREach checks that no node created more than one additional CSR, and logs the
// number of additional CSRs.
func (j joiner) wantOneCSREach(t *testing.T, prefix string, nodes int) {
	t.Helper()
	created, again := 0, 0
	for node, n := range csrsByNode(t, j.Admin) {
		if len(node) <= len(prefix) || node[:len(prefix)] != prefix {
			continue
		}
		created++
		again += n - 1
		if n > 2 {
			t.Errorf("%s created %d CSRs", node, n)
		}
	}
	t.Logf("%d nodes created CSRs, %d of them one more than required", created, again)
	if created < nodes {
		t.Errorf("%d nodes created CSRs, want %d", created, nodes)
	}
}

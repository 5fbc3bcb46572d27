package joinfaults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
)

// TestJoin_LostCreateResponse drops the response to each first POST after the API server stored
// the CSR: it is not stored twice, and the join completes.
func TestJoin_LostCreateResponse(t *testing.T) {
	p := labtest.NewAdmin(t)
	proxy, err := faultproxy.Before(p.Server)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close() //nolint:errcheck // the test is over
	p.MustRun(t, "setup", "--endpoint", proxy.URL)
	token := p.CreateTokenFile(t)
	times := labtest.SmallOrFull(10, 200)
	for i := range times {
		posts := 0
		before := proxy.Faults()
		proxy.Inject(func(r *http.Request) faultproxy.Fault {
			if phaseOf(r) != phaseCreate {
				return faultproxy.Fault{}
			}
			posts++
			return faultproxy.Fault{DropAnswer: posts == 1}
		})
		code, _, stderr := p.Run(t, "join", proxy.URL, "--token-file", token, "--ca-file", p.Server.CAFile,
			"--node-name", fmt.Sprintf("lost-%d", i), "--out-dir", t.TempDir())
		if code != 0 || strings.Contains(stderr, "bootctl: error:") {
			t.Errorf("exit code %d; stderr\n%s", code, stderr)
		}
		if proxy.Faults() != before+1 || posts != 2 {
			t.Errorf("%d of %d responses were lost", proxy.Faults()-before, posts)
		}
	}
	proxy.Inject(nil)
	requests := csrsByNode(t, p)
	for i := range times {
		if n := requests[fmt.Sprintf("lost-%d", i)]; n != 1 {
			t.Errorf("node %d has %d CSRs", i, n)
		}
	}
}

// interruptedJoin is a join during which the server was killed.
type interruptedJoin struct {
	node, stderr string
	err          error
	ended        time.Time
}

// step is the join's step at its first wait.
func (j interruptedJoin) step() string {
	before, _, _ := strings.Cut(j.stderr, "bootctl: waiting:")
	lines := strings.Split(strings.TrimSpace(before), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "bootctl: ")
}

// TestJoin_ServerKilled kills the control plane at a random moment during some joins, and
// starts it again.
func TestJoin_ServerKilled(t *testing.T) {
	p := labtest.NewAdmin(t)
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	token := p.CreateTokenFile(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir, wanted, atOnce := t.TempDir(), labtest.SmallOrFull(3, 100), labtest.SmallOrFull(5, 10)
	var joins []interruptedJoin
	var after []time.Duration
	steps := map[string]int{}
	for len(after) < wanted {
		ended, killed, back := killServerDuring(t, p, random, token, dir, len(joins), atOnce)
		for _, join := range ended {
			if join.err != nil {
				t.Errorf("%s: %v\n%s", join.node, join.err, join.stderr)
			}
			if join.ended.After(killed) {
				after = append(after, join.ended.Sub(back))
				steps[join.step()]++
			}
		}
		joins = append(joins, ended...)
	}
	requests := csrsByNode(t, p)
	for _, join := range joins {
		if requests[join.node] != 1 {
			t.Errorf("%s has %d CSRs", join.node, requests[join.node])
		}
	}
	slices.Sort(after)
	p99 := after[(len(after)*99+99)/100-1]
	t.Logf("%d joins, %d were interrupted by the kill, in these steps: %v", len(joins), len(after), steps)
	t.Logf("the joins ended this long after the server's restart: median %s, p99 %s, maximum %s", after[len(after)/2], p99, after[len(after)-1])
	if limit := labtest.SmallOrFull(labtest.Hang, 5*time.Second); p99 > limit { // only make soak checks the time
		t.Errorf("p99 is %s", p99)
	}
}

// killServerDuring starts joins, kills the server at a random moment during the joins, and
// starts it again. When all joins have ended, it returns the times at which the server was
// killed and ready again.
func killServerDuring(t *testing.T, p labtest.Admin, random *rand.Rand, token, dir string, first, count int) (joins []interruptedJoin, killed, back time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), labtest.Hang+time.Minute)
	defer cancel()
	joins = make([]interruptedJoin, count)
	var running sync.WaitGroup
	for i := range joins {
		node := fmt.Sprintf("killed-%d", first+i)
		base := p.Server.Command("bootctl")
		cmd := exec.CommandContext(ctx, base.Path, "join", p.Server.URL(), "--token-file", token, "--ca-file", p.Server.CAFile,
			"--node-name", node, "--out-dir", filepath.Join(dir, node), "--timeout", labtest.Hang.String())
		var stderr strings.Builder
		cmd.Env, cmd.Stderr = base.Env, &stderr
		wait := time.Duration(random.Int64N(int64(150 * time.Millisecond)))
		running.Go(func() {
			time.Sleep(wait)
			err := cmd.Run()
			joins[i] = interruptedJoin{node, stderr.String(), err, time.Now()}
		})
	}
	time.Sleep(time.Duration(random.Int64N(int64(labtest.SmallOrFull(400*time.Millisecond, 1500*time.Millisecond)))))
	if err := p.Server.Kill(); err != nil {
		t.Fatal(err)
	}
	killed = time.Now()
	if err := p.Server.Restart(); err != nil {
		t.Fatal(err)
	}
	back = time.Now()
	running.Wait()
	return joins, killed, back
}

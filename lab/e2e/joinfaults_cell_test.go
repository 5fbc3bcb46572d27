package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
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
)

// faultCell is one join that meets a fault.
type faultCell struct {
	lab   *faultLab
	row   faultRow
	phase int
	outcome
	node, dir string
	proxy     *faultproxy.Proxy
	seen      atomic.Int64
	met       atomic.Int64 // when the fault was first met, in nanoseconds
	read      atomic.Int64 // how often cluster-info was
	// what came of it
	first, second joinRun
	faults        int64
	isTokenSent   bool
	err           error
}

// joinRun is one run of bootctl join.
type joinRun struct {
	code           int
	stdout, stderr string
	took           time.Duration
	ended          time.Time
	err            error
}

func (c *faultCell) name() string {
	return c.row.name + "/" + [...]string{"discovery", "create", "wait", "identify"}[c.phase]
}

func (c *faultCell) timeout() time.Duration {
	if c.code == 0 || c.isFinal {
		return 20 * time.Second
	}
	return 4 * time.Second
}

// run joins with the fault, and again without it.
func (c *faultCell) run() error {
	var err error
	if c.proxy, err = faultproxy.Before(c.lab.server); err != nil {
		return err
	}
	defer c.proxy.Close() //nolint:errcheck // the cell is over
	c.proxy.Always(c.lab.publishedAs(c.proxy.URL))
	c.proxy.Inject(c.decide)
	if c.phase == discovery {
		if err := c.begin(); err != nil {
			return err
		}
	}
	c.first = c.join(c.timeout())
	c.faults = c.proxy.Faults()
	c.isTokenSent = bytes.Contains(c.proxy.Recorded(), []byte("Bearer"))
	c.proxy.Inject(nil)
	c.proxy.InjectWire(nil)
	if c.row.closed {
		if err := c.proxy.OpenPort(); err != nil {
			return err
		}
	}
	if c.first.code != 0 {
		c.second = c.join(time.Minute)
	}
	return nil
}

// begin lets connections have their fault from now on.
func (c *faultCell) begin() error {
	c.met.CompareAndSwap(0, time.Now().UnixNano())
	if c.row.closed {
		return c.proxy.ClosePort()
	}
	if c.row.wire == nil {
		return nil
	}
	wire, left := c.row.wire(c.lab), atomic.Int64{}
	left.Store(c.row.times)
	c.proxy.InjectWire(func(conn net.Conn, shown *tls.Config) net.Conn {
		if left.Add(-1) == 0 {
			c.proxy.InjectWire(nil)
		}
		return wire(conn, shown)
	})
	return nil
}

// decide chooses the fault of a request. The fault of a connection begins with
// the request before those of the phase.
func (c *faultCell) decide(r *http.Request) faultproxy.Fault {
	phase := phaseOf(r)
	if c.row.wire != nil || c.row.closed {
		isLast := phase == c.phase-1 && (phase != discovery || c.read.Add(1) == 2)
		if !isLast || c.seen.Add(1) > 1 {
			return faultproxy.Fault{}
		}
		if err := c.begin(); err != nil {
			return faultproxy.Fault{}
		}
		return faultproxy.Fault{Rewrite: faultproxy.Hangup}
	}
	if phase != c.phase || c.row.times > 0 && c.seen.Load() >= c.row.times {
		return faultproxy.Fault{}
	}
	c.met.CompareAndSwap(0, time.Now().UnixNano())
	fault := c.row.fault
	if c.row.choose != nil {
		fault = c.row.choose(c, r)
	}
	if !fault.IsNone() {
		c.seen.Add(1)
	}
	return fault
}

func (c *faultCell) join(timeout time.Duration) joinRun {
	ctx, cancel := context.WithTimeout(context.Background(), timeout+10*time.Second)
	defer cancel()
	var run joinRun
	var stdout, stderr strings.Builder
	base := c.lab.server.Command("bootctl")
	cmd := exec.CommandContext(ctx, base.Path, "join", c.proxy.URL, "--token-file", c.lab.tokenFile, "--ca-file", c.lab.server.CAFile,
		"--node-name", c.node, "--out-dir", c.dir, "--timeout", timeout.String())
	cmd.Env, cmd.Stdout, cmd.Stderr = base.Env, &stdout, &stderr
	start := time.Now()
	run.err = cmd.Run()
	run.took, run.ended = time.Since(start), time.Now()
	if cmd.ProcessState != nil {
		run.code, run.err = cmd.ProcessState.ExitCode(), nil
	}
	run.stdout, run.stderr = stdout.String(), stderr.String()
	return run
}

// lastReason is the reason code of an error, as scripts find it.
func (j joinRun) lastReason() string {
	found := regexp.MustCompile(`(?m)^bootctl: error: .*\((\w+)\)$`).FindStringSubmatch(j.stderr)
	if found == nil {
		return ""
	}
	return found[1]
}

func (c *faultCell) afterFault() time.Duration { return c.first.ended.Sub(time.Unix(0, c.met.Load())) }

// isLate says whether the join outlived its deadline, or was slow to report what is
// final.
func (c *faultCell) isLate() bool {
	return c.first.took > c.timeout()+2*time.Second || c.isFinal && c.afterFault() > 3*time.Second
}

// again is the same cell, of a node that has not joined yet.
func (c *faultCell) again() *faultCell {
	return &faultCell{lab: c.lab, row: c.row, phase: c.phase, outcome: c.outcome, node: c.node + "-again", dir: c.dir + "-again"}
}

// check compares what came of the join with the outcome.
func (c *faultCell) check(t *testing.T) {
	t.Helper()
	first := c.first
	if c.faults == 0 {
		t.Error("the fault was not met")
	}
	if first.err != nil || first.code != c.code || first.lastReason() != c.reason || !strings.Contains(first.stderr, c.says) {
		t.Errorf("exit code %d %s, want %d %s and %q (%v); stderr\n%s", first.code, first.lastReason(), c.code, c.reason, c.says, first.err, first.stderr)
	}
	if gaveUp := strings.Contains(first.stderr, "error: gave up waiting"); c.code != 0 && gaveUp == c.isFinal {
		t.Errorf("it gave up waiting: %t", gaveUp)
	}
	if c.isLate() {
		t.Errorf("it took %s, %s of it from the fault on", first.took, c.afterFault())
	}
	if c.isTokenSent && (c.reason == "CertificateUntrusted" && c.phase <= create || c.phase == discovery && c.isFinal) {
		t.Error("the token was sent")
	}
	if first.code == 0 {
		return
	}
	if first.stdout != "" {
		t.Errorf("stdout %q", first.stdout)
	}
	if c.second.err != nil || c.second.code != 0 {
		t.Errorf("without the fault: exit code %d (%v); stderr\n%s", c.second.code, c.second.err, c.second.stderr)
	}
}

// checkEnd checks that the node has its files, and one request.
func (c *faultCell) checkEnd(t *testing.T, requests int) {
	t.Helper()
	if requests != 1 {
		t.Errorf("%d requests, want one", requests)
	}
	for _, name := range []string{"kubelet.conf", "ca.crt", "kubelet-client-current.pem"} {
		if info, err := os.Stat(filepath.Join(c.dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty (%v)", name, err)
		}
	}
	roots, err := os.ReadFile(filepath.Join(c.dir, "ca.crt"))
	if err != nil || strings.Count(string(roots), "BEGIN CERTIFICATE") != 1 {
		t.Errorf("it trusts %s (%v)", roots, err)
	}
}

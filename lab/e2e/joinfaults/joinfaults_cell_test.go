package joinfaults

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
	"github.com/bootctl/bootctl/lab/labtest"
)

// faultCell is one join with a fault.
type faultCell struct {
	lab   *faultLab
	row   faultRow
	phase int
	outcome
	node, dir string
	timeout   time.Duration // --timeout of the join with the fault
	proxy     *faultproxy.Proxy
	seen      atomic.Int64
	read      atomic.Int64 // how often cluster-info was read
	// the results
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
	err            error
}

func (c *faultCell) name() string {
	return c.row.name + "/" + [...]string{"discovery", "create", "wait", "identify"}[c.phase]
}

// newFaultCell returns a cell whose join has a short timeout if it can only give up.
func newFaultCell(l *faultLab, row faultRow, phase int, o outcome, node, dir string) *faultCell {
	c := &faultCell{lab: l, row: row, phase: phase, outcome: o, node: node, dir: dir, timeout: labtest.Hang}
	if o.code != 0 && !o.isFinal {
		c.timeout = 4 * time.Second
	}
	return c
}

// maxFinalFaults is how often a fault may occur before the join treats it as final: a
// starting server may refuse twice.
const maxFinalFaults = 3

// run joins with the fault, and again without it.
func (c *faultCell) run() error {
	var err error
	if c.proxy, err = faultproxy.Before(c.lab.server); err != nil {
		return err
	}
	defer c.proxy.Close() //nolint:errcheck // the cell is over
	c.proxy.Always(c.lab.rewriteClusterInfo(c.proxy.URL))
	c.proxy.Inject(c.decide)
	if c.phase == phaseDiscovery {
		if err := c.begin(); err != nil {
			return err
		}
	}
	c.first = c.join(c.timeout)
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
		c.second = c.join(labtest.Hang)
	}
	return nil
}

// begin starts the faults of connections.
func (c *faultCell) begin() error {
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

// decide chooses the fault of a request. The fault of a connection begins with the last
// request before the phase.
func (c *faultCell) decide(r *http.Request) faultproxy.Fault {
	phase := phaseOf(r)
	if c.row.wire != nil || c.row.closed {
		isLast := phase == c.phase-1 && (phase != phaseDiscovery || c.read.Add(1) == 2)
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
	ctx, cancel := context.WithTimeout(context.Background(), timeout+labtest.Hang)
	defer cancel()
	var run joinRun
	var stdout, stderr strings.Builder
	base := c.lab.server.Command("bootctl")
	cmd := exec.CommandContext(ctx, base.Path, "join", c.proxy.URL, "--token-file", c.lab.tokenFile, "--ca-file", c.lab.server.CAFile,
		"--node-name", c.node, "--out-dir", c.dir, "--timeout", timeout.String())
	cmd.Env, cmd.Stdout, cmd.Stderr = base.Env, &stdout, &stderr
	start := time.Now()
	run.err = cmd.Run()
	run.took = time.Since(start)
	if cmd.ProcessState != nil {
		run.code, run.err = cmd.ProcessState.ExitCode(), nil
	}
	run.stdout, run.stderr = stdout.String(), stderr.String()
	return run
}

// lastReason returns the reason code in the last line of stderr.
func (j joinRun) lastReason() string {
	found := regexp.MustCompile(`(?m)^bootctl: error: .*\((\w+)\)$`).FindStringSubmatch(j.stderr)
	if found == nil {
		return ""
	}
	return found[1]
}

// isAsWanted reports whether the join with the fault ended with the outcome.
func (c *faultCell) isAsWanted() bool {
	return c.first.err == nil && c.first.code == c.code && c.first.lastReason() == c.reason && strings.Contains(c.first.stderr, c.message)
}

// isTooSoon reports whether the join timed out before the fault or the outcome occurred,
// which proves nothing.
func (c *faultCell) isTooSoon() bool {
	return c.timeout < labtest.Hang && c.first.took >= c.timeout && (c.faults == 0 || !c.isAsWanted())
}

// withMoreTime returns the same cell with a longer timeout, for a node that has not joined yet.
func (c *faultCell) withMoreTime() *faultCell {
	more := newFaultCell(c.lab, c.row, c.phase, c.outcome, c.node+"-again", c.dir+"-again")
	more.timeout = min(4*c.timeout, labtest.Hang)
	return more
}

// check compares the results with the outcome.
func (c *faultCell) check(t *testing.T) {
	t.Helper()
	first := c.first
	if c.faults == 0 {
		t.Error("the fault did not occur")
	}
	if !c.isAsWanted() {
		t.Errorf("exit code %d %s, want %d %s and %q (%v); stderr\n%s", first.code, first.lastReason(), c.code, c.reason, c.message, first.err, first.stderr)
	}
	if gaveUp := strings.Contains(first.stderr, "error: gave up waiting"); c.code != 0 && gaveUp == c.isFinal {
		t.Errorf("the join gave up waiting: %t", gaveUp)
	}
	if c.isFinal && c.faults > maxFinalFaults {
		t.Errorf("the fault occurred %d times before the join treated it as final", c.faults)
	}
	if c.isTokenSent && (c.reason == "CertificateUntrusted" && c.phase <= phaseCreate || c.phase == phaseDiscovery && c.isFinal) {
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

// checkEnd checks that the node has its files and one CSR.
func (c *faultCell) checkEnd(t *testing.T, requests int) {
	t.Helper()
	if requests != 1 {
		t.Errorf("%d CSRs, want one", requests)
	}
	for _, name := range []string{"kubelet.conf", "ca.crt", "kubelet-client-current.pem"} {
		if info, err := os.Stat(filepath.Join(c.dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty (%v)", name, err)
		}
	}
	roots, err := os.ReadFile(filepath.Join(c.dir, "ca.crt"))
	if err != nil || strings.Count(string(roots), "BEGIN CERTIFICATE") != 1 {
		t.Errorf("the node trusts %s (%v)", roots, err)
	}
}

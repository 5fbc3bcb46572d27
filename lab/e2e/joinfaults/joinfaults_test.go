// Package joinfaults joins nodes while something fails: the connection, the API
// server, the disk, the process, or other joins at the same time.
package joinfaults

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// The phases of a join, by what it asks for.
const (
	phaseDiscovery = iota // GET cluster-info
	phaseCreate           // POST of the request
	phaseWait             // watch and GET of the request
	phaseIdentify         // POST of a SelfSubjectReview
	phaseCount
)

func phaseOf(r *http.Request) int {
	switch {
	case strings.HasSuffix(r.URL.Path, "/cluster-info"):
		return phaseDiscovery
	case strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
		return phaseIdentify
	case r.Method == http.MethodPost:
		return phaseCreate
	}
	return phaseWait
}

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }

// faultRow is a fault, and what a join makes of it in each phase.
type faultRow struct {
	name string
	// One of these is the fault: of requests, of a request chosen by a
	// function, of connections, or the port being closed.
	fault  faultproxy.Fault
	choose func(*faultCell, *http.Request) faultproxy.Fault
	wire   func(*faultLab) faultproxy.Wire
	closed bool
	// times is how often it happens; 0 is always.
	times int64
	// isHeavy means that it takes the processor, and joins alone.
	isHeavy bool
	cells   [phaseCount]outcome
}

// outcome is how a join ends that meets a fault, or why it cannot meet it.
type outcome struct {
	code   int
	reason string
	// isFinal means that waiting would not help, so that it ends at once.
	isFinal bool
	// says is what else stands on stderr.
	says string
	why  string
}

// TestJoin_Faults joins through each fault in each phase, several at a time, and
// then without it.
func TestJoin_Faults(t *testing.T) {
	p := labtest.NewAdmin(t)
	l := newFaultLab(t, p)
	var cells []*faultCell
	for _, row := range faultRows() {
		for phase, outcome := range row.cells {
			if outcome.why == "" {
				node := fmt.Sprintf("fault-%d", len(cells))
				cells = append(cells, newFaultCell(l, row, phase, outcome, node, filepath.Join(t.TempDir(), node)))
			}
		}
	}
	runCells(cells, 1, true)
	runCells(cells, 12, false)
	for i := range cells {
		for cells[i].err == nil && cells[i].isTooSoon() {
			t.Logf("%s: too soon after %s: %d %s", cells[i].name(), cells[i].timeout, cells[i].first.code, cells[i].first.lastReason())
			cells[i] = cells[i].withMoreTime()
			cells[i].err = cells[i].run()
		}
	}
	requests := csrsByNode(t, p)
	for _, cell := range cells {
		t.Run(cell.name(), func(t *testing.T) {
			if cell.err != nil {
				t.Fatal(cell.err)
			}
			t.Logf("%d %s after %s", cell.first.code, cell.first.lastReason(), cell.first.took.Round(10*time.Millisecond))
			cell.check(t)
			cell.checkEnd(t, requests[cell.node])
		})
	}
	if heard := l.elsewhere.accepted(); heard > 0 {
		t.Errorf("%d connections went where a redirect pointed", heard)
	}
	t.Logf("%d faults, %d cells", len(faultRows()), len(cells))
	if len(faultRows()) < 24 || len(cells) < 40 {
		t.Error("too few")
	}
}

// runCells runs those that are heavy, or the others, so many at a time.
func runCells(cells []*faultCell, atOnce int, areHeavy bool) {
	var running sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for _, cell := range cells {
		if cell.row.isHeavy != areHeavy {
			continue
		}
		room <- struct{}{}
		running.Go(func() {
			cell.err = cell.run()
			<-room
		})
	}
	running.Wait()
}

// csrsByNode returns how many requests there are for each node.
func csrsByNode(t *testing.T, p labtest.Admin) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for node := range strings.FieldsSeq(p.MustRun(t, "csr", "list", "-o", `jsonpath={.items[*].nodeName}`)) {
		counts[node]++
	}
	return counts
}

// rewriteClusterInfo returns what makes cluster-info name another server, and signs it
// again, as whoever created the token can.
func (l *faultLab) rewriteClusterInfo(url string) func(*http.Response) error {
	change := faultproxy.Change(func(cm *corev1.ConfigMap) error {
		cm.Data["kubeconfig"] = strings.ReplaceAll(cm.Data["kubeconfig"], l.server.URL(), url)
		l.signClusterInfo(cm)
		return nil
	})
	return func(resp *http.Response) error {
		if phaseOf(resp.Request) != phaseDiscovery || resp.StatusCode != http.StatusOK {
			return nil
		}
		return change(resp)
	}
}

func (l *faultLab) signClusterInfo(cm *corev1.ConfigMap) {
	cm.Data["jws-kubeconfig-"+l.token.ID()] = clusterinfo.Sign([]byte(cm.Data["kubeconfig"]), l.token)
}

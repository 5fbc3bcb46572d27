// Package joinfaults joins nodes during faults of the connection, the API server, the
// disk, or the process, and with concurrent joins.
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

// The phases of a join, by their requests.
const (
	phaseDiscovery = iota // GET cluster-info
	phaseCreate           // POST of the CSR
	phaseWait             // watch and GET of the CSR
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

// faultRow is a fault and the outcome of a join with the fault in each phase.
type faultRow struct {
	name string
	// One of these is the fault: of all requests, of requests chosen by a
	// function, of connections, or a closed port.
	fault  faultproxy.Fault
	choose func(*faultCell, *http.Request) faultproxy.Fault
	wire   func(*faultLab) faultproxy.Wire
	closed bool
	// times is how often the fault occurs; 0 means always.
	times int64
	// isHeavy means that the fault uses the CPU, and the join runs alone.
	isHeavy bool
	cells   [phaseCount]outcome
}

// outcome is the result of a join with a fault, or the reason why the fault cannot occur.
type outcome struct {
	code   int
	reason string
	// isFinal means that waiting would not help, so the join fails at once.
	isFinal bool
	// message is also expected on stderr.
	message string
	why     string
}

// TestJoin_Faults joins with each fault in each phase, several at a time, and then without
// the fault.
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
		t.Errorf("%d connections followed a redirect", heard)
	}
	t.Logf("%d faults, %d cells", len(faultRows()), len(cells))
	if len(faultRows()) < 24 || len(cells) < 40 {
		t.Error("too few faults to prove anything")
	}
}

// runCells runs the heavy cells, or the others, with the given concurrency.
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

// csrsByNode returns the number of CSRs for each node.
func csrsByNode(t *testing.T, p labtest.Admin) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for node := range strings.FieldsSeq(p.MustRun(t, "csr", "list", "-o", `jsonpath={.items[*].nodeName}`)) {
		counts[node]++
	}
	return counts
}

// rewriteClusterInfo returns a function that changes the server in cluster-info and signs
// it again, as anyone with the token can.
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

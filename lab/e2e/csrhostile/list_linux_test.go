package csrhostile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
)

// TestCSRList_ManyCSRs bounds the memory of the output formats that people and scripts
// read; the others keep the whole document in memory, as kubectl does. BenchmarkList
// measures the time.
func TestCSRList_ManyCSRs(t *testing.T) {
	p := labtest.NewAdminWithoutApprover(t)
	n := labtest.SmallOrFull(1000, 50000)
	if err := p.Server.SubmitNodes(t.Context(), "many", n); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args    string
		bounded bool
	}{{"-o table", true}, {"-q", true}, {"-o name", true}, {"-o wide", false}, {"-o json", false}, {"-o yaml", false}} {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := p.Server.Command("bootctl", append([]string{"csr", "list"}, strings.Fields(test.args)...)...)
		cmd.Stdout = out
		start := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		peak := labtest.WatchPeakMemory(cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		took, kilobytes := time.Since(start), peak()
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "node-csr-"); got != n {
			t.Errorf("%s: %d CSRs, want %d", test.args, got, n)
		}
		t.Logf("%s: %d CSRs, %d bytes, %d MB resident, %s", test.args, n, len(text), kilobytes/1024, took.Round(10*time.Millisecond))
		if kilobytes == 0 || test.bounded && kilobytes > 250*1000 {
			t.Errorf("%s: %d KB were resident", test.args, kilobytes)
		}
	}
}

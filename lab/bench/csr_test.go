package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
)

// newServer starts a control plane without an approver and without a signer.
func newServer(b *testing.B) *labtest.Server {
	b.Helper()
	server, err := labtest.Start(filepath.Join(b.TempDir(), "lab"), "csrapproving", "csrsigning")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(); err != nil {
			b.Error(err)
		}
	})
	if _, out := timed(b, server.Command("bootctl", "setup", "--auto-approve=none", "--endpoint", server.URL())); out == "" {
		b.Fatal("setup printed nothing")
	}
	return server
}

func submit(b *testing.B, server *labtest.Server, prefix string, n int) {
	b.Helper()
	if err := server.SubmitNodes(b.Context(), prefix, n); err != nil {
		b.Fatal(err)
	}
}

// timed runs a program and returns the elapsed time and its output.
func timed(b *testing.B, cmd *exec.Cmd) (time.Duration, string) {
	b.Helper()
	begin := time.Now()
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v", cmd.Args, err)
	}
	return time.Since(begin), string(out)
}

// BenchmarkApprove compares approving 2,000 CSRs with the usual kubectl commands, for
// 200 CSRs or, with BENCH_WHOLE, for 2,000, which takes minutes.
func BenchmarkApprove(b *testing.B) {
	server := newServer(b)
	const ours = 2000
	theirs := 200
	if os.Getenv("BENCH_WHOLE") != "" {
		theirs = ours
	}
	submit(b, server, "theirs", theirs)
	kubectl := filepath.Join(filepath.Dir(server.Command("kubectl").Path), "kubectl")
	pipeline := server.Command("kubectl")
	pipeline.Path, pipeline.Args = "/bin/sh", []string{"sh", "-c", kubectl + " get csr -o name | xargs " + kubectl + " certificate approve"}
	slow, out := timed(b, pipeline)
	if got := strings.Count(out, " approved\n"); got != theirs {
		b.Fatalf("kubectl approved %d of %d", got, theirs)
	}
	submit(b, server, "ours", ours)
	quick, out := timed(b, server.Command("bootctl", "csr", "approve", "--pending", "--yes", "-q"))
	if got := strings.Count(out, "\n"); got != ours {
		b.Fatalf("bootctl approved %d of %d", got, ours)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(slow.Seconds(), fmt.Sprintf("kubectl-%d-s", theirs))
	b.ReportMetric(quick.Seconds(), fmt.Sprintf("bootctl-%d-s", ours))
	b.ReportMetric(slow.Seconds()/float64(theirs)/(quick.Seconds()/ours), "times-faster")
}

// BenchmarkList compares listing 20,000 CSRs with kubectl.
func BenchmarkList(b *testing.B) {
	const n = 20000
	server := newServer(b)
	submit(b, server, "listed", n)
	var ours, theirs []time.Duration
	for range 3 {
		for program, times := range map[string]*[]time.Duration{"bootctl csr list": &ours, "kubectl get csr": &theirs} {
			words := strings.Fields(program)
			took, out := timed(b, server.Command(words[0], words[1:]...))
			if got := strings.Count(out, "\n"); got != n+1 {
				b.Fatalf("%s printed %d lines", program, got)
			}
			*times = append(*times, took)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(theirs).Seconds(), "kubectl-s")
	b.ReportMetric(median(ours).Seconds(), "bootctl-s")
	b.ReportMetric(median(ours).Seconds()/median(theirs).Seconds(), "of-kubectl")
}

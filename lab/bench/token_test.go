package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// BenchmarkTokenCreate compares creating 1,000 tokens in one command with one kubeadm
// command for each token: 100 tokens or, with BENCH_WHOLE, 1,000.
func BenchmarkTokenCreate(b *testing.B) {
	server := newServer(b)
	const ours = 1000
	theirs := 100
	if os.Getenv("BENCH_WHOLE") != "" {
		theirs = ours
	}
	var slow time.Duration
	for range theirs {
		took, out := timed(b, server.Command("kubeadm", "token", "create", "--kubeconfig", server.Kubeconfig))
		if len(out) != len("abcdef.0123456789abcdef\n") {
			b.Fatalf("kubeadm printed %q", out)
		}
		slow += took
	}
	awaitSigned(b, server, theirs)
	quick, out := timed(b, server.Command("bootctl", "token", "create", "--count", strconv.Itoa(ours), "-q"))
	if got := strings.Count(out, "\n"); got != ours {
		b.Fatalf("bootctl created %d of %d", got, ours)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(slow.Seconds(), fmt.Sprintf("kubeadm-%d-s", theirs))
	b.ReportMetric(quick.Seconds(), fmt.Sprintf("bootctl-%d-s", ours))
	b.ReportMetric(slow.Seconds()/float64(theirs)/(quick.Seconds()/ours), "times-faster")
}

// awaitSigned waits until cluster-info is signed with n tokens, so that the
// bootstrapsigner controller is idle during the measurement.
func awaitSigned(b *testing.B, server *labtest.Server, n int) {
	b.Helper()
	client, err := server.Client("")
	if err != nil {
		b.Fatal(err)
	}
	signed := 0
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		info, err := clusterinfo.Fetch(b.Context(), client.CoreV1())
		if err != nil {
			b.Fatal(err)
		}
		if signed = len(info.Signatures); signed == n {
			time.Sleep(2 * time.Second) // the controller checks cluster-info once more
			return
		}
	}
	b.Fatalf("cluster-info is signed with %d of %d tokens", signed, n)
}

// lister is a program that lists tokens, with its measurements.
type lister struct {
	name  string
	args  []string
	each  string // appears in the output once for each token
	times []time.Duration
	peaks []int // of memory, in kilobytes
}

// BenchmarkTokenList compares listing 5,000 tokens with kubeadm, in time and in peak
// memory.
func BenchmarkTokenList(b *testing.B) {
	const n, rounds = 5000, 7
	server := newServer(b)
	if _, out := timed(b, server.Command("bootctl", "token", "create", "--count", strconv.Itoa(n), "-q")); strings.Count(out, "\n") != n {
		b.Fatalf("bootctl created %d of %d", strings.Count(out, "\n"), n)
	}
	awaitSigned(b, server, n)
	listers := []*lister{
		{name: "kubeadm", args: []string{"kubeadm", "token", "list", "--kubeconfig", server.Kubeconfig}, each: "kubeadm:default-node-token"},
		{name: "name", args: []string{"bootctl", "token", "list", "-q"}, each: "\n"},
		{name: "json", args: []string{"bootctl", "token", "list", "-o", "json"}, each: `"id":`},
		{name: "table", args: []string{"bootctl", "token", "list"}, each: "kubeadm:default-node-token"},
	}
	for range rounds {
		for _, l := range listers {
			took, kilobytes, out := watched(b, server.Command(l.args[0], l.args[1:]...))
			if got := strings.Count(out, l.each); got != n {
				b.Fatalf("%s printed %d of %d tokens", l.args, got, n)
			}
			l.times, l.peaks = append(l.times, took), append(l.peaks, kilobytes)
		}
	}
	b.ReportMetric(0, "ns/op")
	theirTime, theirPeak := listers[0].medians()
	for _, l := range listers {
		took, kilobytes := l.medians()
		b.ReportMetric(took.Seconds(), l.name+"-s")
		b.ReportMetric(float64(kilobytes)/1024, l.name+"-MB")
		if l != listers[0] {
			b.ReportMetric(took.Seconds()/theirTime.Seconds(), l.name+"-of-kubeadm")
			b.ReportMetric(float64(kilobytes)/float64(theirPeak), l.name+"-mem-of-kubeadm")
		}
	}
}

func (l *lister) medians() (time.Duration, int) {
	return median(l.times), slices.Sorted(slices.Values(l.peaks))[len(l.peaks)/2]
}

// watched runs a program and returns the elapsed time, its peak memory in kilobytes, and
// its output. The figure from wait(2) would include the memory of this process.
func watched(b *testing.B, cmd *exec.Cmd) (time.Duration, int, string) {
	b.Helper()
	var out bytes.Buffer
	cmd.Stdout = &out
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	done, peak := make(chan struct{}), make(chan int)
	go func() {
		most := 0
		for {
			most = max(most, residentPeak(cmd.Process.Pid))
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	err := cmd.Wait()
	took := time.Since(begin)
	close(done)
	kilobytes := <-peak
	if err != nil {
		b.Fatalf("%s: %v", cmd.Args, err)
	}
	if kilobytes == 0 {
		b.Skip("needs /proc")
	}
	return took, kilobytes, out.String()
}

// residentPeak returns the peak memory of a process in kilobytes, or 0 if it has
// exited.
func residentPeak(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes := 0
	_, _ = fmt.Sscan(after, &kilobytes) // empty if the process has exited
	return kilobytes
}

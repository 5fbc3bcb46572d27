// Package bench measures bootctl, kubectl and kubeadm in one run on one machine, so that
// the ratios are valid on other machines also.
package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
)

// rounds is how often each program runs. The programs run alternately.
const rounds = 25

// BenchmarkStart compares the time that each program needs to print its version.
func BenchmarkStart(b *testing.B) {
	bin, err := labtest.BinDir()
	if err != nil {
		b.Fatal(err)
	}
	programs := [][]string{{"bootctl", "version"}, {"kubeadm", "version"}, {"kubectl", "version", "--client"}}
	times := make([][]time.Duration, len(programs))
	for range rounds {
		for i, program := range programs {
			begin := time.Now()
			if out, err := exec.Command(filepath.Join(bin, program[0]), program[1:]...).CombinedOutput(); err != nil {
				b.Fatalf("%s: %v\n%s", program, err, out)
			}
			times[i] = append(times[i], time.Since(begin))
		}
	}
	b.ReportMetric(0, "ns/op") // only the medians below are reported
	ours := median(times[0])
	for i, program := range programs {
		b.ReportMetric(float64(median(times[i]).Microseconds())/1000, program[0]+"-ms")
	}
	b.ReportMetric(float64(ours)/float64(median(times[1])), "of-kubeadm")
	b.ReportMetric(float64(ours)/float64(median(times[2])), "of-kubectl")
}

// BenchmarkLab measures the time until the control plane is ready, and its memory use
// at that moment.
func BenchmarkLab(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "lab")
	var ready []time.Duration
	var memory []int
	for range 5 {
		begin := time.Now()
		server, err := labtest.Start(dir)
		if err != nil {
			b.Fatal(err)
		}
		ready = append(ready, time.Since(begin))
		time.Sleep(2 * time.Second)
		memory = append(memory, residentMegabytes(b, server.Pid))
		if err := server.Stop(); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(memory)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ready).Seconds(), "ready-s")
	b.ReportMetric(float64(memory[len(memory)/2]), "resident-MB")
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func residentMegabytes(b *testing.B, pid int) int {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		b.Skip("needs /proc")
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				b.Fatal(err)
			}
			return kilobytes / 1024
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

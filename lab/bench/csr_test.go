package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// newServer starts a control plane in which nobody approves or signs.
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

// submit stores n requests of nodes, as a bootstrap token would send them.
func submit(b *testing.B, server *labtest.Server, prefix string, n int) {
	b.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", server.Kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	config.QPS = -1
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:bootstrap:abcdef",
		Groups:   []string{"system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"},
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	key := testca.Key(b)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range numbers {
				object, err := csr.NewNodeRequest(fmt.Sprintf("%s-%d", prefix, i), key, rand.Reader)
				if err == nil {
					_, err = client.CertificatesV1().CertificateSigningRequests().Create(context.WithoutCancel(b.Context()), object, metav1.CreateOptions{})
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
}

// timed runs a program and returns how long it took, and what it printed.
func timed(b *testing.B, cmd *exec.Cmd) (time.Duration, string) {
	b.Helper()
	begin := time.Now()
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v", cmd.Args, err)
	}
	return time.Since(begin), string(out)
}

// BenchmarkApprove compares approving 2,000 requests with what people do with
// kubectl, which gets 200, or as many with BENCH_WHOLE: it takes minutes.
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

// BenchmarkList compares listing 20,000 requests with kubectl.
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

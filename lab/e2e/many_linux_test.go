package e2e

import (
	cryptorand "crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/csr"
)

// submitMany stores n requests of nodes.
func (p program) submitMany(t *testing.T, n int) {
	t.Helper()
	client := p.as(t, "system:bootstrap:abcdef", "system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated")
	key := testca.Key(t)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range numbers {
				object, err := csr.NewNodeRequest(fmt.Sprintf("many-%d", i), key, cryptorand.Reader)
				if err == nil {
					_, err = client.CertificatesV1().CertificateSigningRequests().Create(t.Context(), object, metav1.CreateOptions{})
				}
				if err != nil {
					t.Error(err)
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

// TestListOfManyRequests bounds the memory that a list takes.
func TestListOfManyRequests(t *testing.T) {
	p := withoutApprover(t)
	n := size(2000, 50000)
	p.submitMany(t, n)
	for _, format := range []string{"table", "wide", "name", "json"} {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := p.server.Command("bootctl", "csr", "list", "-o", format)
		cmd.Stdout = out
		start := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		peak := peakResident(cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		took, kilobytes := time.Since(start), peak()
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "node-csr-"); got != n {
			t.Errorf("-o %s: %d requests, want %d", format, got, n)
		}
		t.Logf("-o %s: %d requests, %d bytes, %d MB resident, %s", format, n, len(text), kilobytes/1024, took.Round(10*time.Millisecond))
		if kilobytes == 0 || kilobytes > 150*1000 {
			t.Errorf("-o %s: %d KB were resident", format, kilobytes)
		}
	}
}

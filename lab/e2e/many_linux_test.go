package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestListOfManyRequests bounds the memory that a list takes.
func TestListOfManyRequests(t *testing.T) {
	p := withoutApprover(t)
	n := size(2000, 50000)
	if err := p.server.SubmitNodes(t.Context(), "many", n); err != nil {
		t.Fatal(err)
	}
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

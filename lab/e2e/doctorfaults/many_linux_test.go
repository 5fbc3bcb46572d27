package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
)

// TestDoctorOfMany bounds what doctor takes of many tokens and requests.
func TestDoctorOfMany(t *testing.T) {
	t.Parallel() // it waits, too
	p := withoutApprover(t)
	tokens, requests := size(100, 5000), size(400, 20000)
	p.must(t, "token", "create", "-q", "--count", strconv.Itoa(tokens))
	if err := p.server.SubmitNodes(t.Context(), "many", requests); err != nil {
		t.Fatal(err)
	}
	p.eventually(t, "signatures", func() bool { code, _, _ := p.run(t, "cluster-info", "verify"); return code == 0 })
	time.Sleep(11 * time.Second) // until a request that waits is told of
	cmd := p.server.Command("bootctl", "doctor", "--auto-approve", "none", "-o", "json", "--timeout", labtest.Hang.String())
	var out bytes.Buffer
	cmd.Stdout = &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	peak := peakResident(cmd.Process.Pid)
	err := cmd.Wait()
	took, kilobytes := time.Since(start), peak()
	if err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	t.Logf("%d tokens and %d requests: %d MB resident, %s\n%s", tokens, requests, kilobytes/1024, took.Round(10*time.Millisecond), &out)
	for _, want := range []string{fmt.Sprintf("signed with %d live tokens", tokens), fmt.Sprintf("%d requests of bootstrap tokens", requests)} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not tell %q", want)
		}
	}
	if kilobytes == 0 || kilobytes > 150*1000 {
		t.Errorf("%d KB were resident", kilobytes)
	}
	if took > size(labtest.Hang, 10*time.Second) { // only make soak measures
		t.Errorf("it took %s", took)
	}
}

// TestListOfManyRequests bounds the memory and the time that the forms of a list take
// that people and scripts read; the others hold the whole document, as kubectl does.
func TestListOfManyRequests(t *testing.T) {
	p := withoutApprover(t)
	n := size(1000, 50000)
	if err := p.server.SubmitNodes(t.Context(), "many", n); err != nil {
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
		cmd := p.server.Command("bootctl", append([]string{"csr", "list"}, strings.Fields(test.args)...)...)
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
			t.Errorf("%s: %d requests, want %d", test.args, got, n)
		}
		t.Logf("%s: %d requests, %d bytes, %d MB resident, %s", test.args, n, len(text), kilobytes/1024, took.Round(10*time.Millisecond))
		if kilobytes == 0 || test.bounded && kilobytes > 250*1000 {
			t.Errorf("%s: %d KB were resident", test.args, kilobytes)
		}
		if test.bounded && took > size(time.Minute, 5*time.Second) {
			t.Errorf("%s: it took %s", test.args, took)
		}
	}
}

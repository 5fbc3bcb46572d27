package doctorfaults

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
)

// TestDoctor_ManyObjects limits doctor's memory and time for many tokens and CSRs.
func TestDoctor_ManyObjects(t *testing.T) {
	t.Parallel() // part of its time is waiting
	p := labtest.NewAdminWithoutApprover(t)
	tokens, requests := labtest.SmallOrFull(100, 5000), labtest.SmallOrFull(400, 20000)
	p.MustRun(t, "token", "create", "-q", "--count", strconv.Itoa(tokens))
	if err := p.Server.SubmitNodes(t.Context(), "many", requests); err != nil {
		t.Fatal(err)
	}
	p.Eventually(t, "signatures", func() bool { code, _, _ := p.Run(t, "cluster-info", "verify"); return code == 0 })
	time.Sleep(11 * time.Second) // until a pending CSR is reported
	cmd := p.Server.Command("bootctl", "doctor", "--auto-approve", "none", "-o", "json", "--timeout", labtest.Hang.String())
	var out bytes.Buffer
	cmd.Stdout = &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	peak := labtest.WatchPeakMemory(cmd.Process.Pid)
	err := cmd.Wait()
	took, kilobytes := time.Since(start), peak()
	if err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	t.Logf("%d tokens and %d CSRs: %d MB resident, %s\n%s", tokens, requests, kilobytes/1024, took.Round(10*time.Millisecond), &out)
	for _, want := range []string{fmt.Sprintf("signed with %d valid tokens", tokens), fmt.Sprintf("%d CSRs from bootstrap tokens", requests)} {
		if words := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(words, want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if kilobytes == 0 || kilobytes > 150*1000 {
		t.Errorf("%d KB were resident", kilobytes)
	}
	if took > labtest.SmallOrFull(labtest.Hang, 10*time.Second) { // only make soak measures
		t.Errorf("it took %s", took)
	}
}

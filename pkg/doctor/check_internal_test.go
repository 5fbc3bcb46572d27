package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

var errCheck = errors.New("the check failed")

// fixed returns a check with a finding of the status.
func fixed(name string, status Status, required bool) check {
	return check{name: name, required: required, run: func(context.Context) ([]Finding, error) {
		return []Finding{{Status: status}}, nil
	}}
}

// asFinding diagnoses an error as itself.
func asFinding(_ context.Context, err error) Finding {
	return Finding{Status: FAIL, Message: err.Error()}
}

func TestInOrder_RequiredCheckFails(t *testing.T) {
	tests := []struct {
		name     string
		status   Status
		required bool
		want     []string
	}{
		{"OK", OK, true, []string{"first", "second", "third"}},
		{"WARN", WARN, true, []string{"first", "second", "third"}},
		{"FAIL", FAIL, true, []string{"first", "second"}},
		{"FAIL, not required", FAIL, false, []string{"first", "second", "third"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checks := []check{fixed("first", OK, true), fixed("second", test.status, test.required), fixed("third", OK, true)}
			var found, observed []string
			for _, f := range inOrder(t.Context(), checks, func(event kubeclient.Event) { observed = append(observed, event.Step) }) {
				found = append(found, f.Check)
			}
			if !slices.Equal(found, test.want) || !slices.Equal(observed, test.want) {
				t.Errorf("findings of %q, observed %q, want %q", found, observed, test.want)
			}
			if found := inOrder(t.Context(), checks, nil); len(found) != len(test.want) {
				t.Errorf("without an observer: %+v", found)
			}
		})
	}
}

func TestAtOnce_KeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{})
		slow := fixed("slow", OK, false)
		slow.run = func(context.Context) ([]Finding, error) {
			<-started // so both run at the same time
			return []Finding{{Status: WARN}, {Status: FAIL}}, nil
		}
		fast := fixed("fast", OK, false)
		fast.run = func(context.Context) ([]Finding, error) { close(started); return []Finding{{Status: OK}}, nil }
		want := []Finding{{Check: "slow", Status: WARN}, {Check: "slow", Status: FAIL}, {Check: "fast", Status: OK}}
		if got := atOnce(t.Context(), []check{slow, fast}); !slices.Equal(got, want) {
			t.Errorf("findings %+v, want %+v", got, want)
		}
	})
}

func TestCheck_ErrorEndsIt(t *testing.T) {
	c := check{name: "c", diagnose: asFinding, run: func(context.Context) ([]Finding, error) {
		return []Finding{{Status: WARN, Message: "before it"}}, errCheck
	}}
	want := []Finding{{Check: "c", Status: WARN, Message: "before it"}, {Check: "c", Status: FAIL, Message: errCheck.Error()}}
	if got := c.do(t.Context()); !slices.Equal(got, want) {
		t.Errorf("findings %+v, want %+v", got, want)
	}
}

func TestCheck_Timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := check{timeout: time.Second, run: func(ctx context.Context) ([]Finding, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		c.diagnose = func(ctx context.Context, err error) Finding {
			if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("context %v, error %v", ctx.Err(), err)
			}
			return Finding{}
		}
		if begin := time.Now(); len(c.do(t.Context())) != 1 || time.Since(begin) != time.Second {
			t.Errorf("the check took %s, want 1s", time.Since(begin))
		}
	})
}

func TestCheck_CanceledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := check{diagnose: asFinding, run: func(context.Context) ([]Finding, error) {
		t.Error("the check began")
		return nil, nil
	}}
	if got := c.do(ctx); len(got) != 1 || got[0].Message != context.Canceled.Error() {
		t.Errorf("findings %+v", got)
	}
}

func TestCheck_RedactsTokens(t *testing.T) {
	const misplaced = "abcdef.qk3v8x5m2p7r9t4w"
	c := check{run: func(context.Context) ([]Finding, error) {
		return []Finding{{Message: "saw " + misplaced, Fix: "delete " + misplaced}}, nil
	}}
	got := c.do(t.Context())
	if text := got[0].Message + got[0].Fix; strings.Contains(text, "qk3v8x5m2p7r9t4w") || strings.Count(text, "abcdef") != 2 {
		t.Errorf("finding %+v", got[0])
	}
}

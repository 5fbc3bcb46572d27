package controlplane_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/lab/labtest"
)

// TestUp drives the real server through internal/lab, as bootctl lab does.
func TestUp(t *testing.T) {
	l := lab.Lab{Dir: filepath.Join(t.TempDir(), "lab")}
	t.Cleanup(func() { l.Down(context.WithoutCancel(t.Context())) }) //nolint:errcheck // usually stopped already
	ctx, cancel := context.WithTimeout(t.Context(), labtest.Hang)
	defer cancel()

	type result struct {
		lab.Ready
		err error
	}
	results := make(chan result, 2)
	for range 2 { // concurrently
		go func() {
			ready, err := l.Up(ctx, lab.UpOptions{Binary: binary})
			results <- result{ready, err}
		}()
	}
	a, b := <-results, <-results
	if a.err != nil || b.err != nil || a.Pid != b.Pid || a.Pid == 0 {
		t.Fatalf("two concurrent starts: %+v and %+v", a, b)
	}
	if sid, err := sessionOf(a.Pid); err != nil || sid != a.Pid {
		t.Errorf("session %d, %v: the server is not in its own session", sid, err)
	}
	again, err := l.Up(ctx, lab.UpOptions{Binary: "/nonexistent"})
	if err != nil || again.Pid != a.Pid {
		t.Errorf("start of a running lab: %+v, %v", again, err)
	}
	if _, err := l.Up(ctx, lab.UpOptions{Binary: binary, Without: []string{"csrsigning"}}); !errors.Is(err, lab.ErrDiffers) {
		t.Errorf("other controllers: %v", err)
	}

	if err := syscall.Kill(a.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for status := (lab.Status{Running: true}); status.Running; {
		if status, err = l.Status(); err != nil {
			t.Fatal(err)
		}
	}
	checkUpPortTaken(ctx, t, l, a.Ready)
	c, err := l.Up(ctx, lab.UpOptions{Binary: binary, Without: []string{"csrsigning"}})
	if err != nil || c.Server != a.Server || len(c.Controllers) != 4 {
		t.Fatalf("start after a kill: %+v, %v", c, err)
	}
	if stopped, err := l.Down(ctx); !stopped || err != nil {
		t.Errorf("down: %v, %v", stopped, err)
	}
	if err := l.Delete(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory still exists: %v", err)
	}
}

// TestUp_GivesUp checks that no server is left running after the timeout. This server
// cannot reach etcd, so it never becomes ready.
func TestUp_GivesUp(t *testing.T) {
	l := lab.Lab{Dir: filepath.Join(t.TempDir(), "lab")}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := l.Up(ctx, lab.UpOptions{Binary: binary, APIServerArgs: []string{"etcd-servers=http://127.0.0.1:1"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the deadline", err)
	}
	if status, err := l.Status(); err != nil || status.Running {
		t.Errorf("status %+v, %v", status, err)
	}
}

func checkUpPortTaken(ctx context.Context, t *testing.T, l lab.Lab, old lab.Ready) {
	t.Helper()
	listener := occupy(t, old.Server)
	defer listener.Close() //nolint:errcheck // it only occupies the port
	_, err := l.Up(ctx, lab.UpOptions{Binary: binary})
	var failed *lab.StartError
	logged, readErr := os.ReadFile(l.LogFile())
	if !errors.As(err, &failed) || failed.Reason != "PortTaken" || failed.Code != 9 ||
		readErr != nil || !strings.Contains(string(logged), "PortTaken") {
		t.Errorf("port taken: %#v, %v", err, readErr)
	}
}

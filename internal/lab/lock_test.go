//go:build unix

package lab_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bootctl/bootctl/internal/lab"
)

// TestMain is also the child process that holds a lab: it locks the directory in $LAB_HOLD,
// prints a line, and holds the lock until its stdin ends.
func TestMain(m *testing.M) {
	dir := os.Getenv("LAB_HOLD")
	if dir == "" {
		os.Exit(m.Run())
	}
	lock, err := lab.Acquire(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("locked")
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // EOF is the signal
	lock.Close()                  //nolint:errcheck // the process exits
}

// hold starts a child process that holds the lab, and returns it and a function that stops it.
func hold(t *testing.T, dir string) (*exec.Cmd, func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "LAB_HOLD="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("the child did not lock: %v", err)
	}
	return cmd, func() {
		stdin.Close() //nolint:errcheck // ends the child
		cmd.Wait()    //nolint:errcheck // however it ended
	}
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	l := lab.Lab{Dir: dir}
	wantStatus(t, l, lab.Status{})
	child, release := hold(t, dir)
	wantStatus(t, l, lab.Status{Running: true, Pid: child.Process.Pid})

	_, err := lab.Acquire(dir)
	var running *lab.RunningError
	if !errors.As(err, &running) || running.Pid != child.Process.Pid {
		t.Errorf("second lock: %v, want one that names process %d", err, child.Process.Pid)
	}
	write(t, l, lab.ReadyFile, `{"event":"ready","pid":1}`)
	wantStatus(t, l, lab.Status{Running: true, Pid: child.Process.Pid}) // not ready: the PID is another one
	release()
	wantStatus(t, l, lab.Status{})
	if stopped, err := l.Down(t.Context()); stopped || err != nil {
		t.Errorf("down of a stopped lab: %v, %v", stopped, err)
	}
}

// TestDown stops a child process that exits on SIGTERM.
func TestDown(t *testing.T) {
	l := lab.Lab{Dir: t.TempDir()}
	child, _ := hold(t, l.Dir)
	go child.Wait() //nolint:errcheck // so that it does not become a zombie
	if stopped, err := l.Down(t.Context()); !stopped || err != nil {
		t.Errorf("down: %v, %v", stopped, err)
	}
	wantStatus(t, l, lab.Status{})
}

func wantStatus(t *testing.T, l lab.Lab, want lab.Status) {
	t.Helper()
	got, err := l.Status()
	if err != nil || got != want {
		t.Errorf("status %+v, %v, want %+v", got, err, want)
	}
}

func write(t *testing.T, l lab.Lab, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(l.Dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAcquire_OtherDirectories(t *testing.T) {
	l := lab.Lab{Dir: t.TempDir()}
	write(t, l, ".profile", "mine")
	if _, err := lab.Acquire(l.Dir); !errors.Is(err, lab.ErrNotALab) {
		t.Errorf("error %v, want ErrNotALab", err)
	}
	entries, err := os.ReadDir(l.Dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("directory entries %v, %v; want only .profile", entries, err)
	}
}

func TestDelete(t *testing.T) {
	l := lab.Lab{Dir: filepath.Join(t.TempDir(), "lab")}
	if err := os.MkdirAll(filepath.Join(l.Dir, lab.PKIDir), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, l, lab.PKIDir+"/ca.key", "key")
	if err := l.Delete(); !errors.Is(err, lab.ErrNotALab) {
		t.Errorf("without a record: %v, want ErrNotALab", err)
	}
	write(t, l, lab.RecordFile, `{"port":1}`)
	_, release := hold(t, l.Dir)
	var running *lab.RunningError
	if err := l.Delete(); !errors.As(err, &running) {
		t.Errorf("while it is running: %v, want a RunningError", err)
	}
	release()
	write(t, l, "thesis.txt", "years of work")
	if err := l.Delete(); !errors.Is(err, lab.ErrNotALab) {
		t.Errorf("with another file: %v, want ErrNotALab", err)
	}
	if _, err := os.Stat(filepath.Join(l.Dir, lab.PKIDir, "ca.key")); err != nil {
		t.Errorf("a refused delete removed something: %v", err)
	}
	if err := os.Remove(filepath.Join(l.Dir, "thesis.txt")); err != nil {
		t.Fatal(err)
	}
	write(t, l, ".ready.json.123.tmp", "a leftover")
	if err := l.Delete(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory still exists: %v", err)
	}
}

func TestExcept(t *testing.T) {
	left, err := lab.Except([]string{"csrsigning", "token-cleaner-controller"})
	if err != nil || fmt.Sprint(left) != "[bootstrapsigner csrapproving csrcleaner]" {
		t.Errorf("left %v, %v", left, err)
	}
	var unknown *lab.UnknownControllerError
	if _, err := lab.Except([]string{"scheduler"}); !errors.As(err, &unknown) || unknown.Name != "scheduler" {
		t.Errorf("error %v, want an UnknownControllerError", err)
	}
}

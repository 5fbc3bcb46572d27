package joinfaults

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mutatingCalls are the system calls with which a program changes files, except for opening
// a new file, whose effect the next call shows. In a Go program, only writing files uses
// pwrite64 and fsync.
const mutatingCalls = "mkdirat,mknodat,fchmod,fchmodat,fchown,fchownat,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,symlinkat,unlinkat,linkat"

// straceCall matches the beginning of a line in strace's log, with the thread and the name.
var straceCall = regexp.MustCompile(`(?m)^(\d+) +([a-z0-9]+)\(`)

// straceResult is the result of a program under strace.
type straceResult struct {
	code           int // 137 if it was killed
	log            []byte
	stdout, stderr string
}

// steps returns the mutating calls that the program began, one line each.
func (r straceResult) steps() []string {
	var steps []string
	for _, at := range straceCall.FindAllSubmatchIndex(r.log, -1) {
		line, _, _ := bytes.Cut(r.log[at[4]:], []byte("\n"))
		steps = append(steps, string(line))
	}
	return steps
}

// traceJoin runs bootctl under strace with the given injections, if any. While it runs,
// traceJoin calls watch with the log so far, whose last line can be incomplete.
func (j joiner) traceJoin(t *testing.T, args, inject []string, watch func(log []byte)) straceResult {
	t.Helper()
	line := []string{"-f", "-y", "-qq", "--seccomp-bpf", "-e", "signal=none", "-o", "/dev/fd/3", "-e", "trace=" + mutatingCalls}
	for _, rule := range inject {
		line = append(line, "-e", "inject="+rule)
	}
	bootctl := j.Server.Command("bootctl", args...)
	cmd := exec.Command("strace", append(append(line, bootctl.Path), args...)...)
	cmd.Env = bootctl.Env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	log, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // only read
	cmd.ExtraFiles = []*os.File{end}
	err = cmd.Start()
	_ = end.Close()
	if err != nil {
		t.Error(err)
		return straceResult{}
	}
	var r straceResult
	for chunk := make([]byte, 4096); err == nil; {
		var n int
		n, err = log.Read(chunk)
		r.log = append(r.log, chunk[:n]...)
		watch(r.log)
	}
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	_ = cmd.Wait() // ProcessState has the result
	r.stdout, r.stderr, r.code = stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.code = 128 + int(status.Signal())
	}
	return r
}

// killAtCall runs bootctl and kills it when it enters the given mutating call, counted from
// 0. strace delays each call for the duration: its own signal injection counts the calls of
// each thread, and a join moves between threads. If this process does not run during the
// delay, the kill hits a later step, or none.
func (j joiner) killAtCall(t *testing.T, args []string, step int, held time.Duration) straceResult {
	t.Helper()
	killed := false
	return j.traceJoin(t, args, []string{fmt.Sprintf("%s:delay_enter=%d", mutatingCalls, held.Microseconds())}, func(log []byte) {
		calls := straceCall.FindAllSubmatch(log, step+1)
		if killed || len(calls) <= step {
			return
		}
		killed = true
		thread, err := strconv.Atoi(string(calls[step][1]))
		if err == nil {
			err = syscall.Kill(thread, syscall.SIGKILL)
		}
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Error(err)
		}
	})
}

// temporarySuffix matches the random part of a temporary file's name.
var temporarySuffix = regexp.MustCompile(`\.\d+\.tmp`)

// logSteps logs the steps without the parts that differ between runs.
func logSteps(t *testing.T, dir string, steps []string) {
	t.Helper()
	var text strings.Builder
	for i, step := range steps {
		step = strings.ReplaceAll(step, filepath.Clean(dir), "DIR")
		fmt.Fprintf(&text, "\n%3d %s", i+1, temporarySuffix.ReplaceAllString(step, ".*.tmp"))
	}
	t.Logf("%d mutating steps:%s", len(steps), &text)
}

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

// mutatingCalls are the system calls by which a program changes files, but for opening
// a new one: what that leaves, the next call finds. Nothing but the writing of
// files uses pwrite64 and fsync in a Go program.
const mutatingCalls = "mkdirat,mknodat,fchmod,fchmodat,fchown,fchownat,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,symlinkat,unlinkat,linkat"

// straceCall is the begin of a line of strace's log, with the thread and the name.
var straceCall = regexp.MustCompile(`(?m)^(\d+) +([a-z0-9]+)\(`)

// straceResult is what a program did under strace.
type straceResult struct {
	code           int // 137 when it was killed
	log            []byte
	stdout, stderr string
}

// steps returns the mutating calls that the program began, one a line.
func (r straceResult) steps() []string {
	var steps []string
	for _, at := range straceCall.FindAllSubmatchIndex(r.log, -1) {
		line, _, _ := bytes.Cut(r.log[at[4]:], []byte("\n"))
		steps = append(steps, string(line))
	}
	return steps
}

// traceJoin runs bootctl under strace with the given injections, if any. While it
// runs, watch is given the log so far, which ends within a line.
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
	_ = cmd.Wait() // its state tells
	r.stdout, r.stderr, r.code = stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.code = 128 + int(status.Signal())
	}
	return r
}

// killAtCall runs bootctl and kills it when it enters the given mutating call, the
// first of which is 0. strace holds it there for a moment: its own injection of
// signals counts the calls of each thread, and a join wanders from one to another.
// Where this process gets no time for as long, the kill hits a later step, or none.
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

// temporarySuffix is the random part of a name.
var temporarySuffix = regexp.MustCompile(`\.\d+\.tmp`)

// logSteps prints what the steps are, without what differs from run to run.
func logSteps(t *testing.T, dir string, steps []string) {
	t.Helper()
	var text strings.Builder
	for i, step := range steps {
		step = strings.ReplaceAll(step, filepath.Clean(dir), "DIR")
		fmt.Fprintf(&text, "\n%3d %s", i+1, temporarySuffix.ReplaceAllString(step, ".*.tmp"))
	}
	t.Logf("%d mutating steps:%s", len(steps), &text)
}

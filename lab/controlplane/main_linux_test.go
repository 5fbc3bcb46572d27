package controlplane_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/lab"
)

// binary is the bootctl-lab under test: $BOOTCTL_LAB, or a fresh build.
var binary string

func TestMain(m *testing.M) {
	code, err := withBinary(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withBinary(run func() int) (int, error) {
	binary = os.Getenv("BOOTCTL_LAB")
	if binary != "" {
		return run(), nil
	}
	dir, err := os.MkdirTemp("", "bootctl-lab-test-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	binary = filepath.Join(dir, "bootctl-lab")
	out, err := exec.Command("go", "build", "-o", binary, "../cmd/bootctl-lab").CombinedOutput()
	if err != nil {
		return 1, fmt.Errorf("build bootctl-lab: %w\n%s", err, out)
	}
	return run(), nil
}

// server is a running child.
type server struct {
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	lab.Ready
}

// serve starts a child that is stopped when the test ends, and that is killed with
// the test process in any case.
func serve(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	s := &server{cmd: command(dir, args...), stderr: &bytes.Buffer{}}
	s.cmd.Stderr = s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() }) //nolint:errcheck // usually stopped already
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("no ready line: %v\n%s", err, s.stderr)
	}
	if err := json.Unmarshal(line, &s.Ready); err != nil {
		t.Fatalf("ready line %q: %v", line, err)
	}
	t.Logf("ready after %v, %s", time.Since(begin).Round(time.Millisecond), residentMemory(t, s.Pid))
	return s
}

func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{"serve", "--dir", dir}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// stop sends SIGTERM and returns the exit code.
func (s *server) stop(t *testing.T) int {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.cmd.Wait() //nolint:errcheck // the process state has the exit code
	return s.cmd.ProcessState.ExitCode()
}

func (s *server) kill() {
	s.cmd.Process.Kill() //nolint:errcheck // it is running
	s.cmd.Wait()         //nolint:errcheck // killed
}

func (s *server) client(t *testing.T) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// fails runs serve, which must fail, and returns its last line on stderr and its exit code.
func fails(t *testing.T, dir string, args ...string) (lab.Failure, int) {
	t.Helper()
	cmd := command(dir, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err == nil {
		t.Fatal("serve did not fail")
	}
	if stdout.Len() > 0 {
		t.Errorf("stdout is not empty: %q", stdout.String())
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	var f lab.Failure
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &f); err != nil || f.Event != "error" {
		t.Errorf("last line of stderr is not an error event: %q", lines[len(lines)-1])
	}
	return f, cmd.ProcessState.ExitCode()
}

func residentMemory(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "VmRSS:") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return "VmRSS unknown"
}

// sessionOf reads the session ID, field 6 of proc_pid_stat(5). The name in field 2 is
// in parentheses and can contain spaces.
func sessionOf(pid int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(data, []byte(") "))
	fields := strings.Fields(string(rest))
	if len(fields) < 4 {
		return 0, fmt.Errorf("unexpected %q", data)
	}
	return strconv.Atoi(fields[3])
}

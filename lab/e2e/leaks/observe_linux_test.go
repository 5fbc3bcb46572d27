package leaks

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// observedRun is the result of a child process, and what was observed while it ran.
type observedRun struct {
	cmd            *exec.Cmd
	stdout, stderr []byte
	// argv and environ are the child's; the others belong to the processes that it
	// started.
	argv, environ, othersArgv, othersEnviron []byte
	files                                    map[string][]byte
}

// observe runs the child and samples it and its descendants before the first instruction,
// every few milliseconds, and for each channel received from held, which it then closes.
// Finally, it reads each file below dir.
func observe(cmd *exec.Cmd, dir string, held <-chan chan<- struct{}) (observedRun, error) {
	w := observedRun{cmd: cmd}
	var stdout, stderr bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	cmd.Stderr = &stderr
	if err := w.start(); err != nil {
		return w, err
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case looked := <-held:
				w.sample(cmd.Process.Pid)
				close(looked)
			case <-time.After(10 * time.Millisecond):
				w.sample(cmd.Process.Pid)
			}
		}
	}()
	err := cmd.Wait()
	close(done)
	<-stopped
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return w, err
	}
	w.stdout, w.stderr = stdout.Bytes(), stderr.Bytes()
	w.files, err = readTree(dir)
	return w, err
}

// start starts the child like a debugger and samples it once before it runs, so that even
// a child with a short life is observed.
func (w *observedRun) start() error {
	runtime.LockOSThread() // only this thread can continue the child
	defer runtime.UnlockOSThread()
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := w.cmd.Start(); err != nil {
		return err
	}
	pid := w.cmd.Process.Pid
	var status syscall.WaitStatus
	_, err := syscall.Wait4(pid, &status, syscall.WALL, nil)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(pid, &status, syscall.WALL, nil)
	}
	if err != nil || !status.Stopped() {
		return fmt.Errorf("the child does not stop at its start: status %#x, %w", status, errors.Join(err, w.cmd.Process.Kill()))
	}
	w.sample(pid)
	return syscall.PtraceDetach(pid)
}

// sample reads the child's data that is visible to every user or to its owner.
func (w *observedRun) sample(pid int) {
	w.argv, w.environ = appendProc(w.argv, pid, "cmdline"), appendProc(w.environ, pid, "environ")
	for _, other := range descendants(pid) {
		w.othersArgv = appendProc(w.othersArgv, other, "cmdline")
		w.othersEnviron = appendProc(w.othersEnviron, other, "environ")
	}
}

// appendProc appends the content of a process's file unless seen already contains it.
func appendProc(seen []byte, pid int, name string) []byte {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
	if err != nil || bytes.Contains(seen, text) { // it may have exited
		return seen
	}
	return append(append(seen, text...), '\n')
}

func descendants(pid int) []int {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, _ := os.ReadDir(tasks) // it may have exited
	var all []int
	for _, thread := range threads {
		text, _ := os.ReadFile(filepath.Join(tasks, thread.Name(), "children"))
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}

// readTree returns the names and contents of the regular files below dir.
func readTree(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		files[path] = []byte(filepath.Base(path))
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		files[path] = append(append(files[path], '\n'), text...)
		return err
	})
	return files, err
}

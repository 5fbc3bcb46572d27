//go:build linux

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// leakScan finds secret halves of tokens in whatever form they stand.
type leakScan struct{ forms []leakForm }

// leakForm is one way to write a secret, in runs of half of it: what shortens a
// text may cut a secret, too.
type leakForm struct {
	name string
	runs [][]byte
}

// perByte are the forms that write a text byte by byte: how to write one, and what
// stands between two.
func perByte() map[string][2]string {
	return map[string][2]string{
		"raw": {"%c", ""}, "hex": {"%02x", ""}, "upper hex": {"%02X", ""},
		"hex with spaces": {"%02x", " "}, "upper hex with spaces": {"%02X", " "}, "hex with colons": {"%02x", ":"}, "upper hex with colons": {"%02X", ":"},
		"decimal as %v": {"%d", " "}, "decimal as JSON": {"%d", ","}, "decimal list": {"%d", ", "}, "Go literal": {"0x%02x", ", "}, "Go literal of %#v": {"0x%x", ", "},
		"URL encoding": {"%%%02X", ""}, "lower URL encoding": {"%%%02x", ""}, "JSON escapes": {`\u%04x`, ""}, "hex escapes": {`\x%02x`, ""}, "octal escapes": {`\%03o`, ""},
	}
}

func spelled(how [2]string, text string) string {
	units := make([]string, len(text))
	for i := range text {
		units[i] = fmt.Sprintf(how[0], text[i])
	}
	return strings.Join(units, how[1])
}

const (
	leakBytes  = 8  // bytes of a secret that are a leak
	leakBase64 = 12 // characters that are 9 bytes, or a bit less
)

func newLeakScan(secrets ...string) leakScan {
	var scan leakScan
	for _, secret := range secrets {
		for name, how := range perByte() {
			form := leakForm{name: name}
			for at := 0; at+leakBytes <= len(secret); at++ {
				form.runs = append(form.runs, []byte(spelled(how, secret[at:at+leakBytes])))
			}
			scan.forms = append(scan.forms, form)
		}
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "URL base64": base64.URLEncoding} {
			for offset := range 3 {
				form := leakForm{name: fmt.Sprintf("%s shifted by %d", name, offset)}
				whole := encoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + secret))
				first, last := (8*offset+5)/6, 8*(offset+len(secret))/6 // what the neighbours have no part in
				for at := first; at+leakBase64 <= last; at++ {
					form.runs = append(form.runs, []byte(whole[at:at+leakBase64]))
				}
				scan.forms = append(scan.forms, form)
			}
		}
	}
	return scan
}

// find says in which form a secret stands in the text; "" if in none.
func (s leakScan) find(text []byte) string {
	if form := s.among(text); form != "" {
		return form
	}
	lines := []byte(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`, `\\`, `\`, `\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(text)))
	if form := s.among(lines); form != "" {
		return form + ", in a JSON string"
	}
	for name, pattern := range dumpLines() {
		var dumped []byte
		for _, line := range pattern.FindAllSubmatch(lines, -1) {
			decoded, _ := hex.DecodeString(strings.ReplaceAll(string(line[1]), " ", "")) // the pattern takes pairs alone
			dumped = append(dumped, decoded...)
		}
		if form := s.among(dumped); form != "" {
			return form + ", in a dump like that of " + name
		}
	}
	return ""
}

func (s leakScan) among(text []byte) string {
	for _, form := range s.forms {
		for _, run := range form.runs {
			if bytes.Contains(text, run) {
				return form.name
			}
		}
	}
	return ""
}

// dumpLines match the lines of hex dumps, and in them what is dumped.
func dumpLines() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"hexdump -C": regexp.MustCompile(`[0-9a-f]{8}  ((?:[0-9a-f]{2}  ?){1,16})`),
		"xxd":        regexp.MustCompile(`[0-9a-f]{8}: ((?:[0-9a-f]{2,4} ){1,8})`),
	}
}

// watched is what a child process left, and what was seen of it meanwhile.
type watched struct {
	cmd            *exec.Cmd
	stdout, stderr []byte
	// argv and environ are those of the child; others' are those of the
	// processes that it started.
	argv, environ, othersArgv, othersEnviron []byte
	files                                    map[string][]byte
}

// watch runs the child, looks at it and all that it starts before its first
// instruction, every few milliseconds, and whenever something comes from held, and at
// each file below dir afterwards. Held is told when it was looked at.
func watch(cmd *exec.Cmd, dir string, held <-chan chan<- struct{}) (watched, error) {
	w := watched{cmd: cmd}
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
	w.files, err = filesBelow(dir)
	return w, err
}

// start starts the child and looks at it once, before it runs: however short its
// life, it has been seen. That is what a debugger does.
func (w *watched) start() error {
	runtime.LockOSThread() // which alone may let the child go on
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
		return fmt.Errorf("the child does not stop at its begin: status %#x, %w", status, errors.Join(err, w.cmd.Process.Kill()))
	}
	w.sample(pid)
	return syscall.PtraceDetach(pid)
}

// sample reads what every user may see of the child, and what its owner may.
func (w *watched) sample(pid int) {
	w.argv, w.environ = appendProc(w.argv, pid, "cmdline"), appendProc(w.environ, pid, "environ")
	for _, other := range descendants(pid) {
		w.othersArgv = appendProc(w.othersArgv, other, "cmdline")
		w.othersEnviron = appendProc(w.othersEnviron, other, "environ")
	}
}

// appendProc appends a file of a process unless it stands there already.
func appendProc(seen []byte, pid int, name string) []byte {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
	if err != nil || bytes.Contains(seen, text) { // it may have ended
		return seen
	}
	return append(append(seen, text...), '\n')
}

func descendants(pid int) []int {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, _ := os.ReadDir(tasks) // it may have ended
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

// filesBelow returns the regular files below dir, and their names with them.
func filesBelow(dir string) (map[string][]byte, error) {
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

// leaks says where a secret came out, and in which form. What the child was given
// does not count.
func (s leakScan) leaks(w watched) map[string]string {
	places := map[string][]byte{
		"stdout": w.stdout, "stderr": w.stderr,
		"command line of another process": w.othersArgv, "environment of another process": w.othersEnviron,
	}
	if s.find([]byte(strings.Join(w.cmd.Args, " "))) == "" {
		places["command line"] = w.argv
	}
	if s.find([]byte(strings.Join(w.cmd.Env, " "))) == "" {
		places["environment"] = w.environ
	}
	for path, text := range w.files {
		places["file "+path] = text
	}
	found := map[string]string{}
	for place, text := range places {
		if form := s.find(text); form != "" {
			found[place] = form
		}
	}
	return found
}

// inParallel does something with each, four at a time.
func inParallel[T any](all []T, do func(T)) {
	waiting := make(chan T, len(all))
	for _, one := range all {
		waiting <- one
	}
	close(waiting)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for one := range waiting {
				do(one)
			}
		})
	}
	workers.Wait()
}

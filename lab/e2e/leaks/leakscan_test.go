//go:build linux

package leaks

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// leakScan finds secret halves of tokens in any known encoding.
type leakScan struct{ forms []leakForm }

// leakForm is one encoding of a secret, in runs of half its length, because a shortened
// text can also cut a secret.
type leakForm struct {
	name string
	runs [][]byte
}

// perByteForms returns the encodings of single bytes: the format of a byte and the
// separator.
func perByteForms() map[string][2]string {
	return map[string][2]string{
		"raw": {"%c", ""}, "hex": {"%02x", ""}, "upper hex": {"%02X", ""},
		"hex with spaces": {"%02x", " "}, "upper hex with spaces": {"%02X", " "}, "hex with colons": {"%02x", ":"}, "upper hex with colons": {"%02X", ":"},
		"decimal as %v": {"%d", " "}, "decimal as JSON": {"%d", ","}, "decimal list": {"%d", ", "}, "Go literal": {"0x%02x", ", "}, "Go literal of %#v": {"0x%x", ", "},
		"URL encoding": {"%%%02X", ""}, "lower URL encoding": {"%%%02x", ""}, "JSON escapes": {`\u%04x`, ""}, "hex escapes": {`\x%02x`, ""}, "octal escapes": {`\%03o`, ""},
	}
}

func spell(how [2]string, text string) string {
	units := make([]string, len(text))
	for i := range text {
		units[i] = fmt.Sprintf(how[0], text[i])
	}
	return strings.Join(units, how[1])
}

const (
	leakBytes  = 8  // number of a secret's bytes that count as a leak
	leakBase64 = 12 // number of characters, for at most 9 bytes
)

func newLeakScan(secrets ...string) leakScan {
	var scan leakScan
	for _, secret := range secrets {
		for name, how := range perByteForms() {
			form := leakForm{name: name}
			for at := 0; at+leakBytes <= len(secret); at++ {
				form.runs = append(form.runs, []byte(spell(how, secret[at:at+leakBytes])))
			}
			scan.forms = append(scan.forms, form)
		}
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "URL base64": base64.URLEncoding} {
			for offset := range 3 {
				form := leakForm{name: fmt.Sprintf("%s shifted by %d", name, offset)}
				whole := encoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + secret))
				first, last := (8*offset+5)/6, 8*(offset+len(secret))/6 // the range that does not depend on adjacent bytes
				for at := first; at+leakBase64 <= last; at++ {
					form.runs = append(form.runs, []byte(whole[at:at+leakBase64]))
				}
				scan.forms = append(scan.forms, form)
			}
		}
	}
	return scan
}

// find returns the name of the form in which the text has a secret, or "".
func (s leakScan) find(text []byte) string {
	if form := s.findForm(text); form != "" {
		return form
	}
	lines := []byte(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`, `\\`, `\`, `\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(text)))
	if form := s.findForm(lines); form != "" {
		return form + ", in a JSON string"
	}
	for name, pattern := range dumpLines() {
		var dumped []byte
		for _, line := range pattern.FindAllSubmatch(lines, -1) {
			decoded, _ := hex.DecodeString(strings.ReplaceAll(string(line[1]), " ", "")) // the pattern matches only pairs
			dumped = append(dumped, decoded...)
		}
		if form := s.findForm(dumped); form != "" {
			return form + ", in a dump like the output of " + name
		}
	}
	return ""
}

func (s leakScan) findForm(text []byte) string {
	for _, form := range s.forms {
		for _, run := range form.runs {
			if bytes.Contains(text, run) {
				return form.name
			}
		}
	}
	return ""
}

// dumpLines match the lines of hex dumps and their content.
func dumpLines() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"hexdump -C": regexp.MustCompile(`[0-9a-f]{8}  ((?:[0-9a-f]{2}  ?){1,16})`),
		"xxd":        regexp.MustCompile(`[0-9a-f]{8}: ((?:[0-9a-f]{2,4} ){1,8})`),
	}
}

// leaks returns the places where a secret leaked, and its form. The child's inputs do not
// count.
func (s leakScan) leaks(w observedRun) map[string]string {
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

// runConcurrently calls do with each value, four at a time.
func runConcurrently[T any](all []T, do func(T)) {
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

// plantLeaks returns texts with the secret in each form.
func plantLeaks(t *testing.T, secret string) map[string]string {
	t.Helper()
	leaks := map[string]string{}
	for name, how := range perByteForms() {
		leaks[name] = "a " + spell(how, secret) + " b"
		leaks[name+", the first half"] = spell(how, secret[:len(secret)/2]) + "..."
		leaks[name+", the second half"] = "..." + spell(how, secret[len(secret)/2:])
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "URL base64": base64.RawURLEncoding} {
		for offset := range 3 {
			leaks[fmt.Sprintf("%s shifted by %d", name, offset)] = encoding.EncodeToString([]byte("??>"[:offset] + secret + "~~"))
		}
	}
	body := fmt.Sprintf(`{"data":{"token-secret":%q}}`, base64.StdEncoding.EncodeToString([]byte(secret)))
	quoted, err := json.Marshal("Request Body:\n" + hex.Dump([]byte("k8s "+secret)))
	if err != nil {
		t.Fatal(err)
	}
	leaks["dump"] = "I1124 body:\n" + hex.Dump([]byte("k8s "+secret+"..."))
	leaks["dump of base64"] = hex.Dump([]byte(body))
	leaks["dump in a JSON string"] = string(quoted)
	leaks["JSON in a JSON string"] = strconv.Quote(strconv.Quote(body))
	xxd := ""
	for at, chunk := range slices.Collect(slices.Chunk([]byte("body"+secret+"...."), 16)) {
		xxd += fmt.Sprintf("%08x: ", 16*at)
		for pair := range slices.Chunk(chunk, 2) {
			xxd += fmt.Sprintf("%x ", pair)
		}
		xxd += fmt.Sprintf(" %s\n", chunk)
	}
	leaks["dump of xxd"] = xxd[:strings.Index(xxd, "  ")] + "\n" + xxd[strings.Index(xxd, "\n")+1:] // without the readable text of the first line
	return leaks
}

// leakPlaces returns scripts that leak the text in the file $TEXT in each place. A leaking
// process runs $HOLD, which returns when the process was observed.
func leakPlaces() map[string]string {
	return map[string]string{
		"stdout": `cat "$TEXT"`, "stderr": `cat "$TEXT" >&2`, "file": `cat "$TEXT" >left`, "name of a file": `: >"$(head -c 200 "$TEXT" | tr '\n/' '  ')"`,
		"command line":                    `exec sh -c "$HOLD" sh "$(cat "$TEXT")"`,
		"command line of another process": `sh -c "$HOLD" sh "$(cat "$TEXT")"; :`,
		"environment of another process":  `X="$(cat "$TEXT")" sh -c "$HOLD"; :`,
	}
}

// observeHeld observes a child with HOLD in its environment: a script that writes to
// descriptor 3 when it runs, and waits on descriptor 4 until it was observed.
func observeHeld(cmd *exec.Cmd, dir string) (observedRun, error) {
	runs, report, err := os.Pipe()
	if err != nil {
		return observedRun{}, err
	}
	defer runs.Close() //nolint:errcheck // only read
	waits, goes, err := os.Pipe()
	if err != nil {
		return observedRun{}, errors.Join(err, report.Close())
	}
	defer goes.Close() //nolint:errcheck // the child has exited
	cmd.ExtraFiles = []*os.File{report, waits}
	cmd.Env = append(cmd.Env, "HOLD=echo >&3; read -r _ <&4")
	held, ended := make(chan chan<- struct{}), make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() {
		for line := make([]byte, 1); ; {
			if _, err := runs.Read(line); err != nil {
				return
			}
			looked := make(chan struct{})
			select {
			case held <- looked:
				<-looked
				_, _ = goes.WriteString("\n") // the child may have been killed
			case <-ended:
				return
			}
		}
	})
	w, err := observe(cmd, dir, held)
	close(ended)
	err = errors.Join(err, report.Close(), waits.Close())
	passing.Wait()
	return w, err
}

// TestLeakScan_PlantedSecrets runs scripts that leak a secret in each form and place, and
// scripts that leak nothing.
func TestLeakScan_PlantedSecrets(t *testing.T) {
	scan := newLeakScan("other000other000", leakedSecret)
	type planting struct{ form, text, place, script string }
	var plantings []planting
	for form, text := range plantLeaks(t, leakedSecret) {
		if scan.find([]byte(text)) == "" {
			t.Errorf("%s is not found in %q", form, text)
		}
		for place, script := range leakPlaces() {
			plantings = append(plantings, planting{form, text, place, script})
		}
	}
	harmless := "lk0001." + strings.Repeat("*", 16) + " " + leakedSecret[:7] + " " + leakedSecret[9:] + "\n" + hex.Dump([]byte("this text contains no secret at all"))
	for place, script := range leakPlaces() {
		plantings = append(plantings, planting{"", harmless, place, script})
	}
	runConcurrently(plantings, func(p planting) {
		text, dir := filepath.Join(t.TempDir(), "text"), t.TempDir()
		if err := os.WriteFile(text, []byte(p.text), 0o600); err != nil {
			t.Error(err)
			return
		}
		cmd := exec.Command("sh", "-c", p.script)
		cmd.Dir, cmd.Env = dir, []string{"TEXT=" + text, "PATH=" + os.Getenv("PATH")}
		w, err := observeHeld(cmd, dir)
		if err != nil || cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("%s: %v, exit code %d, stderr %s", p.script, err, cmd.ProcessState.ExitCode(), w.stderr)
			return
		}
		found := slices.Collect(maps.Keys(scan.leaks(w)))
		switch {
		case p.form == "" && len(found) > 0:
			t.Errorf("%s: a leak is found without a planted one: %s, %v", p.place, found, scan.leaks(w))
		case p.form == "" || p.place == "command line" && slices.Contains(found, p.place): // a child of sh first has the command line of sh
		case len(found) != 1 || !strings.HasPrefix(found[0], strings.TrimPrefix(p.place, "name of a ")):
			t.Errorf("%s on %s: found on %q", p.form, p.place, found)
		}
	})
	t.Logf("%d leaks were planted in %d forms and %d places", len(plantings), len(plantLeaks(t, leakedSecret)), len(leakPlaces()))
}

//go:build linux

package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// plantedLeaks are texts with the secret in each form.
func plantedLeaks(t *testing.T, secret string) map[string]string {
	t.Helper()
	leaks := map[string]string{}
	for name, how := range perByte() {
		leaks[name] = "a " + spelled(how, secret) + " b"
		leaks[name+", the first half"] = spelled(how, secret[:len(secret)/2]) + "..."
		leaks[name+", the second half"] = "..." + spelled(how, secret[len(secret)/2:])
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
	leaks["dump of xxd"] = xxd[:strings.Index(xxd, "  ")] + "\n" + xxd[strings.Index(xxd, "\n")+1:] // the text beside it would be enough
	return leaks
}

// leakPlaces are scripts that let the text in the file $TEXT out in each place. A
// process that shows it runs $HOLD, which ends when the process was looked at.
func leakPlaces() map[string]string {
	return map[string]string{
		"stdout": `cat "$TEXT"`, "stderr": `cat "$TEXT" >&2`, "file": `cat "$TEXT" >left`, "name of a file": `: >"$(head -c 200 "$TEXT" | tr '\n/' '  ')"`,
		"command line":                    `exec sh -c "$HOLD" sh "$(cat "$TEXT")"`,
		"command line of another process": `sh -c "$HOLD" sh "$(cat "$TEXT")"; :`,
		"environment of another process":  `X="$(cat "$TEXT")" sh -c "$HOLD"; :`,
	}
}

// watchHeld watches a child with HOLD in its environment: a script that says on
// descriptor 3 that it runs, and waits on descriptor 4 for having been looked at.
func watchHeld(cmd *exec.Cmd, dir string) (watched, error) {
	runs, says, err := os.Pipe()
	if err != nil {
		return watched{}, err
	}
	defer runs.Close() //nolint:errcheck // only read
	waits, goes, err := os.Pipe()
	if err != nil {
		return watched{}, errors.Join(err, says.Close())
	}
	defer goes.Close() //nolint:errcheck // the child has ended
	cmd.ExtraFiles = []*os.File{says, waits}
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
	w, err := watch(cmd, dir, held)
	close(ended)
	err = errors.Join(err, says.Close(), waits.Close())
	passing.Wait()
	return w, err
}

// TestLeakScanFindsWhatIsPlanted lets a script leak a secret in each form and
// place, and nothing at all.
func TestLeakScanFindsWhatIsPlanted(t *testing.T) {
	scan := newLeakScan("other000other000", leaked)
	type planting struct{ form, text, place, script string }
	var plantings []planting
	for form, text := range plantedLeaks(t, leaked) {
		if scan.find([]byte(text)) == "" {
			t.Errorf("%s is not found in %q", form, text)
		}
		for place, script := range leakPlaces() {
			plantings = append(plantings, planting{form, text, place, script})
		}
	}
	harmless := "lk0001." + strings.Repeat("*", 16) + " " + leaked[:7] + " " + leaked[9:] + "\n" + hex.Dump([]byte("nothing that anyone would have to hide"))
	for place, script := range leakPlaces() {
		plantings = append(plantings, planting{"", harmless, place, script})
	}
	inParallel(plantings, func(p planting) {
		text, dir := filepath.Join(t.TempDir(), "text"), t.TempDir()
		if err := os.WriteFile(text, []byte(p.text), 0o600); err != nil {
			t.Error(err)
			return
		}
		cmd := exec.Command("sh", "-c", p.script)
		cmd.Dir, cmd.Env = dir, []string{"TEXT=" + text, "PATH=" + os.Getenv("PATH")}
		w, err := watchHeld(cmd, dir)
		if err != nil || cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("%s: %v, exit code %d, stderr %s", p.script, err, cmd.ProcessState.ExitCode(), w.stderr)
			return
		}
		found := slices.Collect(maps.Keys(scan.leaks(w)))
		switch {
		case p.form == "" && len(found) > 0:
			t.Errorf("%s: without a leak, one is found on %s, %v", p.place, found, scan.leaks(w))
		case p.form == "" || p.place == "command line" && slices.Contains(found, p.place): // what sh starts has that of sh at first
		case len(found) != 1 || !strings.HasPrefix(found[0], strings.TrimPrefix(p.place, "name of a ")):
			t.Errorf("%s on %s: found on %q", p.form, p.place, found)
		}
	})
	t.Logf("%d leaks were planted, in %d forms and %d places", len(plantings), len(plantedLeaks(t, leaked)), len(leakPlaces()))
}

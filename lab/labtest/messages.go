package labtest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	quotedMessage = regexp.MustCompile("`([^`]+)`")
	// variableParts are the parts of a message that are not literally in the program: names,
	// addresses, verbs and resources.
	variableParts = regexp.MustCompile(`"[^"]*"|…|: |, |\[ERROR \S+|sha256:|kubeconfig key|cluster-info|worker-7|abcdef|/\S+| (?:get|create) |certificatesigningrequests\S*|[()]`)
)

// CheckMessages checks that the messages of a program in docs/troubleshooting.md
// are in that program, which is a file in bin, or in the API server.
func CheckMessages(t *testing.T, program, file string) {
	t.Helper()
	bin, err := BinDir()
	if err != nil {
		t.Fatal(err)
	}
	binaries := [][]byte{ReadFile(t, filepath.Join(bin, file)), ReadFile(t, filepath.Join(bin, "bootctl-lab"))}
	inProgram := func(text string) bool {
		return slices.ContainsFunc(binaries, func(b []byte) bool { return bytes.Contains(b, []byte(text)) })
	}
	page, err := os.ReadFile(filepath.Join(Root(t), "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || !slices.Contains(strings.Split(cells[1], ", "), program) {
			continue
		}
		for _, message := range quotedMessage.FindAllStringSubmatch(cells[0], -1) {
			count++
			for _, part := range variableParts.Split(message[1], -1) {
				if part = strings.TrimSpace(part); len(part) > len("dial tcp") && !inProgram(part) {
					t.Errorf("%s does not print %q of the message %q", program, part, message[1])
				}
			}
		}
	}
	if count < 4 {
		t.Errorf("the page quotes only %d messages of %s", count, program)
	}
}

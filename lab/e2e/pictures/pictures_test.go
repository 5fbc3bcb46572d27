// Package pictures generates docs/img: pictures of a terminal, from sessions on real
// control planes. make pictures writes the files, and make soak compares them with new
// sessions.
package pictures

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

var update = flag.Bool("update", false, "write docs/img instead of comparing it")

// TestPictures compares each file of docs/img with its title and commands. Under make soak,
// it also runs the commands and compares their output, and with -update it writes the files
// that differ.
func TestPictures(t *testing.T) {
	dir := filepath.Join(labtest.Root(t), "docs", "img")
	var files []string
	for _, p := range pictures() {
		file := filepath.Join(dir, p.name+".svg")
		files = append(files, file)
		t.Run(p.name, func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil && !*update {
				t.Fatalf("%v; run: make pictures", err)
			}
			lines := parse(string(content))
			current := svg(p.title, lines) == string(content) && slices.Equal(commands(lines), p.commands())
			switch {
			case *update:
				if drawn := p.draw(t); !current || !slices.Equal(mask(lines), mask(drawn)) {
					write(t, file, svg(p.title, drawn))
				}
			case !current:
				t.Errorf("%s shows the commands\n%q\nwant\n%q\nor differs in its title or form; run: make pictures", file, commands(lines), p.commands())
			case labtest.SmallOrFull(false, true):
				if got, want := words(lines), words(p.draw(t)); got != want {
					t.Errorf("%s shows\n%s\nwant\n%s\nrun: make pictures", file, got, want)
				}
			}
		})
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	slices.Sort(files)
	if err != nil || !slices.Equal(found, files) {
		t.Errorf("docs/img contains %q, want %q (%v)", found, files, err)
	}
}

// write writes a file of docs/img.
func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func commands(lines []line) []string {
	var found []string
	for _, l := range lines {
		if l.command {
			found = append(found, l.text)
		}
	}
	return found
}

// variable is what differs between two sessions: names and fingerprints of keys, UIDs, and
// times.
var variable = regexp.MustCompile(`node-csr-[\w-]{4}|sha256:[0-9a-f]{8}|([0-9a-f]{4} ){6}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b(\d+m)?[\d.]+m?s\b|\b\d+m\b`)

// mask replaces what differs between two sessions.
func mask(lines []line) []line {
	masked := slices.Clone(lines)
	for i := range masked {
		masked[i].text = variable.ReplaceAllString(masked[i].text, "VARIABLE")
	}
	return masked
}

// words returns the masked text of a picture as one line. On a busy machine, a longer time
// can move a word to the next line, and a step can print what it waits for, which the
// picture shows as "...": neither counts.
func words(lines []line) string {
	var found []string
	for _, l := range mask(lines) {
		if l.text != "..." {
			found = append(found, strings.Fields(l.text)...)
		}
	}
	return strings.Join(found, " ")
}

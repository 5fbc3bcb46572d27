package words

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// exceptions are uses that are right, each with the reason. The key is the file and a
// part of its line.
var exceptions = map[string]string{}

// TestTree_Words checks every file of the project that people read.
func TestTree_Words(t *testing.T) {
	root := filepath.Join("..", "..")
	out, err := exec.Command("git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skip("git is needed to list the files of the project")
	}
	count := 0
	for _, name := range strings.Fields(string(out)) {
		if !isRead(name) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			continue // deleted and not committed yet
		}
		count++
		if name == "CHANGELOG.md" {
			content = withoutTable(t, content)
		}
		for _, f := range Find(name, content) {
			if !isException(name, content, f) {
				t.Errorf("%s:%s", name, f)
			}
		}
	}
	if count < 200 {
		t.Errorf("only %d files were read", count)
	}
}

// withoutTable blanks the table of the old and new names of the output contract, which is
// the only place for the old ones.
func withoutTable(t *testing.T, changelog []byte) []byte {
	t.Helper()
	const begin, end = "#### Renamed in the output contract", "\n### "
	before, rest, found := strings.Cut(string(changelog), begin)
	table, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("CHANGELOG.md has no section %q before another one", begin)
	}
	return []byte(before + strings.Repeat("\n", strings.Count(table, "\n")+1) + after)
}

// isRead reports whether people read the file's prose: everything except the words
// themselves, data of tests, and what is generated from files that are checked.
func isRead(name string) bool {
	for _, dir := range []string{"lab/words/", "docs/man/", "docs/cli/"} {
		if strings.HasPrefix(name, dir) {
			return false
		}
	}
	if strings.Contains(name, "/testdata/") && !strings.HasSuffix(name, ".txtar") {
		return false
	}
	return slices.Contains([]string{".go", ".md", ".json", ".yaml", ".yml", ".sh", ".txtar", ".service", ""}, filepath.Ext(name)) && filepath.Base(name) != "LICENSE"
}

func isException(name string, content []byte, f Finding) bool {
	line := strings.Split(string(content), "\n")[f.Line-1]
	for key := range exceptions {
		file, part, _ := strings.Cut(key, ": ")
		if file == name && strings.Contains(line, part) {
			return true
		}
	}
	return false
}

// TestExceptions_Few wants few exceptions, each with a reason.
func TestExceptions_Few(t *testing.T) {
	if len(exceptions) > 20 {
		t.Errorf("%d exceptions, want at most 20", len(exceptions))
	}
	for key, reason := range exceptions {
		if reason == "" {
			t.Errorf("%s has no reason", key)
		}
	}
}

// TestWords_Planted finds each word in a sentence that has it, in a page and in a Go
// comment, and finds nothing in a plain sentence.
func TestWords_Planted(t *testing.T) {
	for _, w := range append(slices.Clone(language), contract...) {
		for name, text := range map[string]string{"page.md": w.Planted, "code.go": fmt.Sprintf("package p\n\n// %s\n", w.Planted)} {
			found := Find(name, []byte(text))
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Word.Pattern == w.Pattern }) {
				t.Errorf("%s is not found in %q as %s", w.Pattern, w.Planted, name)
			}
		}
	}
	for _, f := range Find("page.md", []byte("bootctl prints the fix, and exits with code 4 if the pin does not match.")) {
		t.Errorf("found %s in a plain sentence", f)
	}
}

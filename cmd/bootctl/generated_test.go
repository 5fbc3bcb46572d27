package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

// generatedDirs are the directories of docs that hold nothing else.
var generatedDirs = []string{"cli", "man"}

// TestGenerated compares docs/cli, docs/man and docs/exit-codes.md with what the
// program says now.
func TestGenerated(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	dir := t.TempDir()
	if *update {
		for _, name := range generatedDirs {
			if err := os.RemoveAll(filepath.Join(docs, name)); err != nil {
				t.Fatal(err)
			}
		}
		dir = docs
	}
	generate(t, dir)
	if !*update {
		compareTrees(t, dir, docs)
		for _, name := range generatedDirs {
			compareTrees(t, filepath.Join(docs, name), filepath.Join(dir, name))
		}
	}
}

func generate(t *testing.T, dir string) {
	t.Helper()
	for _, name := range generatedDirs {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := newRoot(&env{})
	root.DisableAutoGenTag = true
	if err := doc.GenMarkdownTree(root, filepath.Join(dir, "cli")); err != nil {
		t.Fatal(err)
	}
	header := doc.GenManHeader{Section: "1", Source: "bootctl", Manual: "bootctl", Date: &time.Time{}}
	if err := doc.GenManTree(root, &header, filepath.Join(dir, "man")); err != nil {
		t.Fatal(err)
	}
	undate(t, filepath.Join(dir, "man"))
	write(t, filepath.Join(dir, "exit-codes.md"), exitCodesPage())
}

// undate takes the date out of the title of each man page, which is that of no day.
func undate(t *testing.T, dir string) {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no man pages: %v", err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		write(t, page, strings.Replace(string(text), ` "Jan 0001" `, ` "" `, 1))
	}
}

func exitCodesPage() string {
	meanings := []struct {
		code    int
		meaning string
	}{
		{0, "done"},
		{1, "anything not listed, or a bulk command whose failures differ in their codes"},
		{2, "the command line or an input is wrong, or nobody said yes; nothing was changed"},
		{3, "no such token, request, cluster-info or lab"},
		{4, "something does not verify: a signature (a missing one counts), a pin, a certificate"},
		{5, "refused: denied, failed by the signer, outside the rules, by the server's validation or admission; doctor found a FAIL"},
		{6, "gave up waiting although the server answers"},
		{7, "the API server is not reachable: DNS, connect, proxy, TLS before there is a certificate to judge"},
		{8, "not authenticated, or forbidden"},
		{9, "exists already, or is not the object that was meant"},
		{10, "local file or disk: cannot read, write or lock; a program is missing"},
		{130, "interrupted"},
		{143, "terminated"},
	}
	var out strings.Builder
	out.WriteString("# Exit codes\n\nGenerated from the table in `cmd/bootctl/exit.go`.\n\n")
	out.WriteString("Every failure has one reason word, which stays the same: in text `bootctl: error: … (PinMismatch)`,\n")
	out.WriteString("with `-o json` the field `reason` of the last line on stderr. At a deadline the code is that of what was\n")
	out.WriteString("last seen. A bulk command tries all and exits with the code that all its failures share, else 1.\n\n")
	for _, m := range meanings {
		fmt.Fprintf(&out, "## %d: %s\n\n", m.code, m.meaning)
		seen := map[string]bool{}
		for _, entry := range exitTable() {
			if entry.code == m.code && !seen[entry.reason] {
				seen[entry.reason] = true
				fmt.Fprintf(&out, "- `%s`", entry.reason)
				if entry.hint != "" {
					fmt.Fprintf(&out, ": %s", entry.hint)
				}
				out.WriteString("\n")
			}
		}
		if len(seen) > 0 {
			out.WriteString("\n")
		}
	}
	return strings.TrimRight(out.String(), "\n") + "\n"
}

// compareTrees checks that every file below from is the same below to.
func compareTrees(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if got, _ := os.ReadFile(filepath.Join(to, relative)); string(got) != string(want) {
			t.Errorf("%s is not current; run: make docs", relative)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

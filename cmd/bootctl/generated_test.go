package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
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
	root := newRoot(&cli.Env{})
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
	var out strings.Builder
	out.WriteString("# Exit codes\n\nGenerated from the table in `internal/failure`.\n\n")
	out.WriteString("Every failure has one reason code, which stays the same: in text `bootctl: error: … (PinMismatch)`,\n")
	out.WriteString("with `-o json` the field `reason` of the last line on stderr. `bootctl doctor` reports the same codes. At a\n")
	out.WriteString("deadline the exit code is that of the last cause. A bulk command tries all and exits with the code that all\n")
	out.WriteString("its failures share, otherwise with 1. In the hints, names in capitals stand for what bootctl fills in where\n")
	out.WriteString("the error says it.\n\n")
	for _, exit := range failure.ExitCodes {
		fmt.Fprintf(&out, "## %d: %s\n\n", exit.Code, exit.Meaning)
		rows := slices.DeleteFunc(failure.All(), func(f failure.Failure) bool { return f.Exit != exit.Code })
		for _, f := range rows {
			fmt.Fprintf(&out, "- `%s`", f.Reason)
			if f.Hint != "" {
				fmt.Fprintf(&out, ": %s", f.Hint)
			}
			if f.NodeHint != f.Hint {
				fmt.Fprintf(&out, "; on a node: %s", f.NodeHint)
			}
			out.WriteString("\n")
		}
		if len(rows) > 0 {
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

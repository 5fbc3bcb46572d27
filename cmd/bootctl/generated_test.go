package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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

// TestGenerated compares docs/cli, docs/man, docs/exit-codes.md, and
// docs/reference/permissions.md with the program.
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

// indentedLines matches lists in a help, which Markdown would join into one line.
var indentedLines = regexp.MustCompile(`\n*((?:\n  .+)+)`)

func generate(t *testing.T, dir string) {
	t.Helper()
	for _, name := range generatedDirs {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := newRoot(&cli.Env{})
	root.DisableAutoGenTag = true
	for _, cmd := range commands(root) {
		cmd.Long = indentedLines.ReplaceAllString(cmd.Long, "\n\n```text$1\n```")
	}
	header := doc.GenManHeader{Section: "1", Source: "bootctl", Manual: "bootctl", Date: &time.Time{}}
	if err := doc.GenManTree(root, &header, filepath.Join(dir, "man")); err != nil {
		t.Fatal(err)
	}
	undate(t, filepath.Join(dir, "man"))
	for _, cmd := range commands(root) {
		cmd.Long = strings.Replace(cmd.Long, "\nPermissions:\n", "\n[Permissions](../reference/permissions.md):\n", 1)
	}
	if err := doc.GenMarkdownTree(root, filepath.Join(dir, "cli")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "exit-codes.md"), exitCodesPage(doctorReasons(t)))
	if err := os.MkdirAll(filepath.Join(dir, "reference"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "reference", "permissions.md"), permissionsPage(t))
}

// undate removes the date from the title of each man page, so that it does not change.
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

func exitCodesPage(doctor []string) string {
	var out strings.Builder
	out.WriteString("# Exit codes and reason codes\n\n")
	out.WriteString("Every failure has an exit code, and a reason code that does not change. The reason code is in parentheses at the\n")
	out.WriteString("end of the message, such as `bootctl: error: ... (PinMismatch)`; with `-o json` it is the field `reason` of the\n")
	out.WriteString("last line on stderr. `bootctl doctor` reports the same reason codes, and some of its own, which\n")
	out.WriteString("[Troubleshooting](troubleshooting.md) lists. An installed bootctl prints this page with `bootctl help exit-codes`.\n\n")
	out.WriteString("At a deadline, bootctl exits with the exit code of the last cause. A bulk command tries every object and exits with\n")
	out.WriteString("the exit code that all its failures share, otherwise with 1.\n\n")
	out.WriteString("## Exit codes\n\n| Exit code | Meaning |\n|---|---|\n")
	for _, exit := range failure.ExitCodes {
		fmt.Fprintf(&out, "| %d | %s |\n", exit.Code, exit.Meaning)
	}
	out.WriteString("\n## Reason codes\n\nRetry: whether the same command can succeed later, because time or the network can fix\n")
	out.WriteString("the cause; otherwise, someone must change something. With `-o json`, the error then has `\"retryable\": true`.\n\n")
	out.WriteString("In a fix, bootctl replaces a name in capitals with the real one.\n\n")
	out.WriteString("| Reason code | Exit code | Retry | Fix | Fix on a node, if different |\n|---|---|---|---|---|\n")
	failures := failure.All()
	for _, reason := range doctor {
		if !slices.ContainsFunc(failures, func(f failure.Failure) bool { return f.Reason == reason }) {
			failures = append(failures, failure.Failure{
				Reason: reason, Exit: failure.ExitRefused, Hint: "Run `bootctl doctor`, which prints the fix; see [Troubleshooting](troubleshooting.md).",
			})
		}
	}
	slices.SortFunc(failures, func(a, b failure.Failure) int { return strings.Compare(a.Reason, b.Reason) })
	for _, f := range failures {
		node, retry := f.NodeHint, map[bool]string{true: "yes", false: "no"}[f.Retry]
		if node == f.Hint {
			node = ""
		}
		fmt.Fprintf(&out, "| <a id=\"%s\"></a>`%s` | %d | %s | %s | %s |\n", strings.ToLower(f.Reason), f.Reason, f.Exit, retry, cmp.Or(f.Hint, "The message names the cause."), node)
	}
	return out.String()
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

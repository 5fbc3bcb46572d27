package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
)

func troubleshootingPage(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// TestTroubleshooting_Messages checks that the page quotes the most frequent messages of
// a join, so that a search for a message finds it.
func TestTroubleshooting_Messages(t *testing.T) {
	page := string(troubleshootingPage(t))
	for _, err := range []error{
		csr.ErrUnsigned, discovery.ErrUnsigned, discovery.ErrTokenRejected, clusterinfo.ErrPinMismatch, clusterinfo.ErrNotFound,
	} {
		if !strings.Contains(page, "`"+err.Error()) {
			t.Errorf("docs/troubleshooting.md does not quote %q", err)
		}
	}
}

// TestTroubleshooting_EachReason checks that each reason code of doctor has a row in a
// table of the page.
func TestTroubleshooting_EachReason(t *testing.T) {
	page := troubleshootingPage(t)
	reasons := doctorReasons(t)
	if len(reasons) < 30 {
		t.Errorf("found only the reason codes %q", reasons)
	}
	for _, reason := range reasons {
		row := regexp.MustCompile(`(?m)^\|([^|]*\|)? ` + "`" + reason + "`" + ` \|`)
		if n := len(row.FindAll(page, -1)); n != 1 {
			t.Errorf("docs/troubleshooting.md has %d rows for %s, want 1", n, reason)
		}
	}
}

// doctorReasons returns the constants of pkg/doctor whose value is their name.
func doctorReasons(t *testing.T) []string {
	t.Helper()
	dir := filepath.Join("..", "..", "pkg", "doctor")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, entry := range entries {
		if !isSource(entry) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, entry.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || spec.Type != nil {
				return true
			}
			if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Value == strconv.Quote(spec.Names[0].Name) {
				reasons = append(reasons, spec.Names[0].Name)
			}
			return true
		})
	}
	return reasons
}

func isSource(entry fs.DirEntry) bool {
	return strings.HasSuffix(entry.Name(), ".go") && !strings.HasSuffix(entry.Name(), "_test.go")
}

package house_test

import (
	"flag"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/house"
)

var update = flag.Bool("update", false, "write the drawing in docs/architecture.md instead of comparing it")

func packages(t *testing.T) []house.Package {
	t.Helper()
	found, err := house.Packages(filepath.Join("..", ".."))
	if err != nil || len(found) < 25 {
		t.Fatalf("%d packages, %v", len(found), err)
	}
	return found
}

func TestHouse_ImportsLeadDown(t *testing.T) {
	for _, violation := range house.Violations(packages(t)) {
		t.Error(violation)
	}
}

func TestHouse_ViolationsAreFound(t *testing.T) {
	planted := []house.Package{
		{Path: "pkg/csr", Imports: []string{"pkg/approval"}},
		{Path: "internal/cli", Imports: []string{"internal/cmdutil"}},
		{Path: "cmd/bootctl/csrcmd", Imports: []string{"cmd/bootctl/tokencmd"}},
		{Path: "pkg/new"},
	}
	if found := house.Violations(planted); len(found) != len(planted) {
		t.Errorf("found %q", found)
	}
}

// The command line knows no noun, and no command imports another.
func TestHouse_Borders(t *testing.T) {
	for _, p := range packages(t) {
		isCommand, _ := path.Match("cmd/bootctl/*cmd", p.Path)
		for _, imported := range p.Imports {
			if isCommand && strings.HasPrefix(imported, "cmd/") {
				t.Errorf("%s imports %s", p.Path, imported)
			}
			if p.Path == "internal/cli" && strings.HasPrefix(imported, "pkg/") && imported != "pkg/kubeclient" {
				t.Errorf("internal/cli imports the noun %s", imported)
			}
			if strings.HasPrefix(p.Path, "pkg/") && (strings.HasPrefix(imported, "cmd/") || imported == "internal/output") {
				t.Errorf("%s imports %s", p.Path, imported)
			}
		}
	}
}

func TestHouse_Drawing(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "architecture.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- drawn by lab/house -->\n```mermaid\n", "```\n"
	before, rest, found := strings.Cut(string(text), begin)
	drawing, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no drawing", file)
	}
	want := house.Mermaid(packages(t))
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if drawing != want {
		t.Errorf("docs/architecture.md differs from the packages: run make docs\n%s", want)
	}
}

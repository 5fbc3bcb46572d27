package joinfaults

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

var update = flag.Bool("update", false, "write the generated part of docs/reference/join-faults.md instead of comparing it")

// TestJoinFaultsPage_Current compares docs/reference/join-faults.md with the tested faults.
func TestJoinFaultsPage_Current(t *testing.T) {
	const begin, end = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"
	path := filepath.Join(labtest.Root(t), "docs", "reference", "join-faults.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(text), begin)
	_, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatal("docs/reference/join-faults.md has no markers for the table of faults")
	}
	want := before + begin + faultsPage() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Error("docs/reference/join-faults.md is not current; run: make docs")
	}
}

// faultsPage returns the table of faults and phases.
func faultsPage() string {
	var out strings.Builder
	out.WriteString("| fault | cluster-info | create | wait | identify |\n|---|---|---|---|---|\n")
	for _, row := range faultRows() {
		fmt.Fprintf(&out, "| %s |", row.name)
		for _, cell := range row.cells {
			fmt.Fprintf(&out, " %s |", cell)
		}
		out.WriteString("\n")
	}
	return out.String()
}

func (o outcome) String() string {
	switch {
	case o.why != "":
		return o.why
	case o.code == 0:
		return "joins"
	case o.isFinal:
		return fmt.Sprintf("**%d `%s`**", o.code, o.reason)
	}
	return fmt.Sprintf("%d `%s`", o.code, o.reason)
}

package cli

import (
	"strings"
	"testing"
)

// One long value does not make each row of a list as long.
func TestTable_LongCells(t *testing.T) {
	long := strings.Repeat("é", 200)
	list := Result{Header: []string{"A", "B", "C"}, Rows: [][]string{{"a", long, "c"}, {"a", "b", "c"}}}
	short, err := list.table(false)
	if err != nil || strings.Contains(string(short), long) || !strings.Contains(string(short), strings.Repeat("é", 79)+"…") {
		t.Errorf("table\n%s (%v)", short, err)
	}
	for name, v := range map[string]Result{"wide": list, "a record": {Header: []string{"A", "B"}, Rows: [][]string{{"a", long}}}} {
		if whole, err := v.table(name == "wide"); err != nil || !strings.Contains(string(whole), long) {
			t.Errorf("%s: table\n%s (%v)", name, whole, err)
		}
	}
}

// One row in many is laid out like the others: the columns are as wide as all take.
func TestTable_ManyRows(t *testing.T) {
	v := Result{Header: []string{"NAME", "WIDE", "LAST"}}
	const n = 3000
	for i := range n {
		v.Rows = append(v.Rows, []string{strings.Repeat("n", 1+i%5), "\u4e16\u754c", strings.Repeat("x", i%3)})
	}
	text, err := v.table(false)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != n+1 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines[16:] {
		if line != lines[1+i%15] { // the rows repeat every 15
			t.Errorf("row %d is %q, row %d %q", i+15, line, i%15, lines[1+i%15])
		}
	}
	if want := "n       \u4e16\u754c   -"; lines[1] != want {
		t.Errorf("row = %q, want %q", lines[1], want)
	}
}

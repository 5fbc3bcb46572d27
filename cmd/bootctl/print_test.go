package main

import (
	"strings"
	"testing"
)

// One long value does not make each row of a list as long.
func TestTableCutsLongCells(t *testing.T) {
	long := strings.Repeat("é", 200)
	list := view{header: []string{"A", "B", "C"}, rows: [][]string{{"a", long, "c"}, {"a", "b", "c"}}}
	short, err := list.table(false)
	if err != nil || strings.Contains(string(short), long) || !strings.Contains(string(short), strings.Repeat("é", 79)+"…") {
		t.Errorf("table\n%s (%v)", short, err)
	}
	for name, v := range map[string]view{"wide": list, "a record": {header: []string{"A", "B"}, rows: [][]string{{"a", long}}}} {
		if whole, err := v.table(name == "wide"); err != nil || !strings.Contains(string(whole), long) {
			t.Errorf("%s: table\n%s (%v)", name, whole, err)
		}
	}
}

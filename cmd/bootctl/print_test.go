package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/output"
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

// A table of more rows than the library lays out reads on in the same columns.
func TestTableOfManyRows(t *testing.T) {
	v := view{header: []string{"NAME", "WIDE", "LAST"}}
	for i := range laidOut + 2 {
		v.rows = append(v.rows, []string{strings.Repeat("n", 1+i%5), "\u4e16\u754c", strings.Repeat("x", i%3)})
	}
	text, err := v.table(false)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != laidOut+3 {
		t.Fatalf("%d lines", len(lines))
	}
	for i := 1; i < 16; i++ { // the rows repeat every 15
		if same := lines[i+(laidOut+1-i)/15*15]; i+(laidOut+1-i)/15*15 > laidOut && same != lines[i] {
			t.Errorf("row %d is %q at the end, %q at the beginning", i, same, lines[i])
		}
	}
	if want := "n       \u4e16\u754c   -"; lines[1] != want {
		t.Errorf("row = %q, want %q", lines[1], want)
	}
}

// A list is printed item by item just as it would be all at once.
func TestLongList(t *testing.T) {
	for n := range 3 {
		items := make([]output.CertificateRequest, n)
		for i := range items {
			items[i] = output.CertificateRequest{Name: hostile, SANs: []string{}}
		}
		list := output.CertificateRequestList{Meta: output.Kind("CertificateRequestList"), Items: items}
		whole, err := view{object: list}.document("json")
		if err != nil {
			t.Fatal(err)
		}
		list.Items = []output.CertificateRequest{}
		var out bytes.Buffer
		if err := (&env{Out: &out}).printLong(longList{list, each(items)}); err != nil || out.String() != string(whole) {
			t.Errorf("%d items: %v, printed\n%s\nwant\n%s", n, err, out.String(), whole)
		}
	}
}

// A template is refused beforehand only when it is none.
func TestTemplatesAreTriedOnTheResult(t *testing.T) {
	for template, want := range map[string]string{"{{len .kind}}": "7\n", "{{index .kind 0}}": "86\n", "{{slice .kind 1}}": "ersion\n"} {
		got := invoke(t, hostileCluster(t), "version", "-o", "go-template="+template)
		if got.code != 0 || got.out != want {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", template, got.code, got.out, got.errOut)
		}
	}
	if got := invoke(t, hostileCluster(t), "version", "-o", "go-template={{nosuch .kind}}"); got.code != 2 || got.out != "" {
		t.Errorf("unknown function: exit code %d, stdout %q", got.code, got.out)
	}
}

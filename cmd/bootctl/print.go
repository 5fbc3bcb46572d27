package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"k8s.io/client-go/util/jsonpath"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/gotemplate"
	"github.com/bootctl/bootctl/internal/safe"
)

// view is a result in every form that it can be printed in.
type view struct {
	// object is what json, yaml, jsonpath and go-template print.
	object any
	// long is the object, where it is a list that may be long.
	long *longList
	// names are what -o name prints.
	names []string
	// text is printed as it is when no format is asked for; else table is.
	text         string
	header, wide []string // wide are the further columns of -o wide
	rows         [][]string
	whole        bool   // whether no cell is cut
	footer       string // a line after the table, for people
	// formats are the command's own formats, by name.
	formats map[string]string
}

// longList is a list that json prints item by item.
type longList struct {
	empty any // the list without items
	items iter.Seq[any]
}

// print writes v to stdout in the format asked for, whole or not at all.
func (e *env) print(v view) error {
	format := e.global.output
	if e.global.quiet {
		format = "name"
	}
	if format == "json" && v.long != nil {
		return e.printLong(*v.long)
	}
	text, err := v.render(format)
	if err != nil {
		return err
	}
	if _, err := e.Out.Write(text); err != nil {
		return fmt.Errorf("%w: %w", failure.ErrWrite, err)
	}
	return nil
}

// printsTable says whether the format asked for is a table, where there is one.
func (e *env) printsTable() bool {
	return !e.global.quiet && slices.Contains([]string{"", "text", "table", "wide"}, e.global.output)
}

// printLong prints a list in JSON item by item, just as it would be printed whole.
func (e *env) printLong(list longList) error {
	shell, err := view{object: list.empty}.document("json")
	if err != nil {
		return err
	}
	before, after, _ := bytes.Cut(shell, []byte("[]"))
	out := bufio.NewWriterSize(e.Out, 1<<16)
	_, _ = out.Write(before) // errors stay until Flush
	separator := "["
	for item := range list.items {
		encoded, err := json.MarshalIndent(item, "    ", "  ")
		if err != nil {
			return err
		}
		_, _ = out.WriteString(separator + "\n    ")
		_, _ = out.Write(safe.JSON(encoded))
		separator = ","
	}
	if separator == "[" {
		_, _ = out.WriteString("[]")
	} else {
		_, _ = out.WriteString("\n  ]")
	}
	_, _ = out.Write(after)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("%w: %w", failure.ErrWrite, err)
	}
	return nil
}

func (v view) render(format string) ([]byte, error) {
	if own, ok := v.formats[format]; ok {
		return []byte(own), nil
	}
	switch kind, argument, _ := strings.Cut(format, "="); kind {
	case "", "text": // the latter is kubeadm's word
		if v.text != "" {
			return []byte(v.text), nil
		}
		return v.table(false)
	case "table", "wide":
		return v.table(kind == "wide")
	case "name":
		var out bytes.Buffer
		for _, name := range v.names {
			fmt.Fprintln(&out, safe.Text(name))
		}
		return out.Bytes(), nil
	case "json", "yaml":
		return v.document(kind)
	default:
		return v.template(kind, argument)
	}
}

// checkFormat returns an error when there is no such format, so that no command
// does something and then cannot say what. own are the command's own formats.
func checkFormat(format string, own []string) error {
	kind, argument, hasArgument := strings.Cut(format, "=")
	switch {
	case slices.Contains(own, format):
		return nil
	case slices.Contains([]string{"", "text", "table", "wide", "name", "json", "yaml"}, format):
		return nil
	case kind == "jsonpath" && hasArgument:
		return jsonpath.New("output").Parse(argument)
	case kind == "go-template" && hasArgument:
		return gotemplate.Check(argument)
	}
	return fmt.Errorf("there is no output format %q: there are %s", format,
		strings.Join(append([]string{"table", "wide", "name", "json", "yaml", "jsonpath=...", "go-template=..."}, own...), ", "))
}

func (v view) document(format string) ([]byte, error) {
	encoded, err := json.MarshalIndent(v.object, "", "  ")
	if err != nil {
		return nil, err
	}
	if format == "yaml" {
		return safe.YAML(encoded)
	}
	return append(safe.JSON(encoded), '\n'), nil
}

// template prints a template over an object whose every string is escaped, since
// what comes out is text. What is missing prints as nothing.
func (v view) template(format, argument string) ([]byte, error) {
	encoded, err := json.Marshal(v.object)
	if err != nil {
		return nil, err
	}
	var object any
	if err := json.Unmarshal(encoded, &object); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if format == "jsonpath" {
		path := jsonpath.New("output").AllowMissingKeys(true)
		if err = path.Parse(argument); err == nil {
			err = path.Execute(&out, escaped(object))
		}
	} else {
		err = gotemplate.Execute(&out, argument, escaped(object))
	}
	if err != nil {
		return nil, &failure.TemplateError{Err: err}
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n'), nil
}

func escaped(value any) any {
	switch v := value.(type) {
	case string:
		return safe.Text(v)
	case []any:
		for i := range v {
			v[i] = escaped(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = escaped(v[key])
		}
	}
	return value
}

// cut shortens a cell of a list, so that one long name does not make every row
// as long. -o wide shows it whole.
func cut(cell string) string {
	const most = 80
	if utf8.RuneCountInString(cell) <= most {
		return cell
	}
	return string([]rune(cell)[:most-1]) + "…"
}

// table prints the rows in columns as wide as they need to be.
func (v view) table(wide bool) ([]byte, error) {
	if v.header == nil {
		return []byte(v.text), nil
	}
	titles := slices.Clone(v.header)
	if wide {
		titles = append(titles, v.wide...)
	}
	text, err := layOut(1+len(v.rows), func(i int) []string {
		if i == 0 {
			return v.cells(titles, len(titles), wide)
		}
		return v.cells(v.rows[i-1], len(titles), wide)
	})
	if v.footer != "" {
		text = append(text, "\n"+safe.Text(v.footer)+"\n"...)
	}
	return text, err
}

// cells makes the cells of a row harmless and, unless all is wanted, short.
func (v view) cells(row []string, columns int, wide bool) []string {
	cells := make([]string, columns)
	for i := range cells {
		cells[i] = safe.Text(row[i])
		if len(v.header) > 2 && !wide && !v.whole {
			cells[i] = cut(cells[i])
		}
		if cells[i] == "" {
			cells[i] = "-"
		}
	}
	return cells
}

// laidOut is how many rows the table library lays out. Of many more it would make
// too much: the rest follows in the columns that it would have made.
const laidOut = 1000

// layOut puts n lines, the titles first, into columns. The titles are padded to
// the width of their columns.
func layOut(n int, line func(i int) []string) ([]byte, error) {
	titles := line(0)
	widths := make([]int, len(titles))
	for i := range n {
		for column, cell := range line(i) {
			widths[column] = max(widths[column], runewidth.StringWidth(cell))
		}
	}
	total := 0
	for i, width := range widths {
		titles[i] = runewidth.FillRight(titles[i], width)
		total += width + len(columnGap)
	}
	first := min(laidOut, n-1)
	part, err := renderTable(titles, first, func(i int) []string { return line(1 + i) })
	text := append(make([]byte, 0, len(part)+total*(n-1-first)), part...)
	for i := 1 + first; i < n; i++ {
		row := line(i)
		for column, cell := range row {
			text = append(text, cell...)
			if column < len(row)-1 {
				text = append(text, strings.Repeat(" ", widths[column]-runewidth.StringWidth(cell)+len(columnGap))...)
			}
		}
		text = append(text, '\n')
	}
	return text, err
}

// columnGap stands between two columns.
const columnGap = "   "

// renderTable lays out a table of n rows, without lines between them.
func renderTable(titles []string, n int, row func(i int) []string) ([]byte, error) {
	var out bytes.Buffer
	table := tablewriter.NewTable(&out,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithHeaderAlignment(tw.AlignLeft), tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone), tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithPadding(tw.Padding{Right: columnGap, Overwrite: true}),
	)
	table.Header(titles)
	for i := range n {
		if err := table.Append(row(i)); err != nil {
			return nil, err
		}
	}
	if err := table.Render(); err != nil {
		return nil, err
	}
	var trimmed bytes.Buffer
	for line := range bytes.Lines(out.Bytes()) {
		trimmed.Write(bytes.TrimRight(line, " \n"))
		trimmed.WriteByte('\n')
	}
	return trimmed.Bytes(), nil
}

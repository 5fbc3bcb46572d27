package main

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/bootctl/bootctl/internal/safe"
)

// columnGap stands between two columns.
const columnGap = "   "

// table prints the rows in columns as wide as they need to be, without lines
// between them.
func (v view) table(wide bool) ([]byte, error) {
	titles := slices.Clone(v.header)
	if wide {
		titles = append(titles, v.wide...)
	}
	// Nearly every cell of a long list is another: remembering how wide each is takes
	// longer than measuring it.
	twwidth.SetCacheCapacity(0)
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
	table.Header(v.cells(titles, len(titles), wide))
	for _, row := range v.rows {
		if err := table.Append(v.cells(row, len(titles), wide)); err != nil {
			return nil, err
		}
	}
	if err := table.Render(); err != nil {
		return nil, err
	}
	text := make([]byte, 0, out.Len())
	for line := range bytes.Lines(out.Bytes()) {
		text = append(append(text, bytes.TrimRight(line, " \n")...), '\n')
	}
	if v.footer != "" {
		text = append(text, "\n"+safe.Text(v.footer)+"\n"...)
	}
	return text, nil
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

// cut shortens a cell of a list, so that one long name does not make every row
// as long. -o wide shows it whole.
func cut(cell string) string {
	const most = 80
	if utf8.RuneCountInString(cell) <= most {
		return cell
	}
	return string([]rune(cell)[:most-1]) + "…"
}

// fitLine shortens text to so many columns of a terminal.
func fitLine(text string, columns int) string { return twwidth.Truncate(text, columns, "…") }

package cli

import (
	"bytes"
	"io"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/bootctl/bootctl/internal/escape"
)

// columnGap stands between two columns.
const columnGap = "   "

// table prints the rows in columns as wide as they need to be, without lines
// between them. The library is told the widths and draws one row after the other:
// left to measure by itself, it holds every row three times.
func (v Result) table(wide bool) ([]byte, error) {
	titles := slices.Clone(v.Header)
	if wide {
		titles = append(titles, v.Wide...)
	}
	// Nearly every cell of a long list is another: remembering how wide each is takes
	// longer than measuring it.
	twwidth.SetCacheCapacity(0)
	widths := tw.NewMapper[int, int]()
	for cells := range v.lines(titles, wide) {
		for column, cell := range cells {
			widths.Set(column, max(widths.Get(column), twwidth.Width(cell)+len(columnGap)))
		}
	}
	var out bytes.Buffer
	table := newTable(&out, widths)
	if err := table.Start(); err != nil {
		return nil, err
	}
	isHeader := true
	for cells := range v.lines(titles, wide) {
		if isHeader {
			table.Header(cells)
		} else if err := table.Append(cells); err != nil {
			return nil, err
		}
		isHeader = false
	}
	if err := table.Close(); err != nil {
		return nil, err
	}
	text := out.Bytes()[:0] // no line becomes longer
	for line := range bytes.Lines(out.Bytes()) {
		text = append(append(text, bytes.TrimRight(line, " \n")...), '\n')
	}
	if v.Footer != "" {
		text = append(text, "\n"+escape.Text(v.Footer)+"\n"...)
	}
	return text, nil
}

func newTable(out io.Writer, widths tw.Mapper[int, int]) *tablewriter.Table {
	return tablewriter.NewTable(out,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone), Streaming: true,
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithStreaming(tw.StreamConfig{Enable: true}), tablewriter.WithColumnWidths(widths),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithHeaderAlignment(tw.AlignLeft), tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone), tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithPadding(tw.Padding{Right: columnGap, Overwrite: true}),
	)
}

// lines are the cells of the titles and of each row.
func (v Result) lines(titles []string, wide bool) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		if !yield(v.cells(titles, len(titles), wide)) {
			return
		}
		for _, row := range v.Rows {
			if !yield(v.cells(row, len(titles), wide)) {
				return
			}
		}
	}
}

// cells makes the cells of a row harmless and, unless all is wanted, short.
func (v Result) cells(row []string, columns int, wide bool) []string {
	cells := make([]string, columns)
	for i := range cells {
		cells[i] = escape.Text(row[i])
		if len(v.Header) > 2 && !wide && !v.NoTruncate {
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

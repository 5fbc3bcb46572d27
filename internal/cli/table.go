package cli

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwarp"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/bootctl/bootctl/internal/escape"
)

// columnGap separates two columns.
const columnGap = "   "

// withoutCache disables the library's cache of cell widths: nearly every cell of a long
// list is different, and measuring is faster than looking up.
var withoutCache = sync.OnceFunc(func() { twwidth.SetCacheCapacity(0) })

// table prints the rows in columns without borders. The widths are measured first, so that
// the library can render the rows one by one; otherwise it keeps every row three times.
func (v Result) table(wide bool) ([]byte, error) {
	withoutCache()
	rows := slices.Concat([][]string{slices.Concat(v.Header, v.Wide)}, v.Rows)
	widths, size := make([]int, len(rows[0])), 0
	for _, row := range rows {
		for column, cell := range v.cells(row, wide) {
			widths[column] = max(widths[column], width(cell)+len(columnGap))
			size += len(cell)
		}
	}
	var out bytes.Buffer
	out.Grow(size + size/2) // growing by doubling would use more memory
	table := newTable(&out, widths)
	if err := table.Start(); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := table.Append(v.cells(row, wide)); err != nil {
			return nil, err
		}
	}
	if err := table.Close(); err != nil {
		return nil, err
	}
	if v.Footer != "" {
		out.WriteString("\n" + escape.Text(v.Footer) + "\n")
	}
	return out.Bytes(), nil
}

func newTable(out *bytes.Buffer, widths []int) *tablewriter.Table {
	return tablewriter.NewTable(out,
		tablewriter.WithRenderer(columns{renderer.NewBlueprint(tw.Rendition{Streaming: true}), widths, out}),
		tablewriter.WithStreaming(tw.StreamConfig{Enable: true}),
		tablewriter.WithTrimSpace(tw.Off), tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithPadding(tw.PaddingNone),
	)
}

// columns renders a table without borders, each cell padded to the width of its column.
// Its Row uses a tenth of the time and memory of Blueprint's.
type columns struct {
	*renderer.Blueprint
	widths []int
	out    *bytes.Buffer
}

func (columns) Line(tw.Formatting) {}

func (c columns) Row(cells []string, _ tw.Formatting) {
	begin := c.out.Len()
	for column, cell := range cells {
		c.out.WriteString(cell)
		for range c.widths[column] - width(cell) {
			c.out.WriteByte(' ')
		}
	}
	c.out.Truncate(begin + len(bytes.TrimRight(c.out.Bytes()[begin:], " ")))
	c.out.WriteByte('\n')
}

// width returns the columns of a terminal that a cell takes.
func width(cell string) int {
	if escape.IsPlain(cell) {
		return len(cell)
	}
	return twwidth.Width(cell)
}

// cells returns the requested cells of a row, escaped and, unless wide, shortened.
func (v Result) cells(row []string, wide bool) []string {
	if !wide {
		row = row[:len(v.Header)]
	}
	cells := make([]string, len(row))
	for i, cell := range row {
		cells[i] = cmp.Or(escape.Text(cell), "-")
		if len(v.Header) > 2 && !wide && !v.NoTruncate {
			cells[i] = cut(cells[i])
		}
	}
	return cells
}

// cut shortens a cell of a list, so that one long name does not widen every row. -o wide
// shows the full text.
func cut(cell string) string {
	const most = 80
	if len(cell) <= most || utf8.RuneCountInString(cell) <= most {
		return cell
	}
	return string([]rune(cell)[:most-1]) + "…"
}

// pageColumns is the width of a line of help and reports.
const pageColumns = 80

// Hang escapes text that is printed after some columns, and wraps it between words into
// lines of 80 columns with a hanging indent. A longer word has a line of its own.
func Hang(text string, indent int) string {
	lines, _ := twwarp.WrapString(escape.Text(text), pageColumns-indent)
	return strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}

// fitLine shortens text to a number of columns of a terminal.
func fitLine(text string, columns int) string {
	withoutCache()
	if twwidth.Width(text) <= columns { // Truncate would add the ellipsis anyway
		return text
	}
	return twwidth.Truncate(text, columns, "…")
}

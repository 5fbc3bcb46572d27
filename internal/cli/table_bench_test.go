package cli

import (
	"fmt"
	"testing"
)

// The costs of a table grow with its cells: 5,000 tokens, and 50,000 CSRs.
func BenchmarkTable(b *testing.B) {
	for _, size := range []struct{ rows, columns int }{{5_000, 7}, {50_000, 8}} {
		v := Result{}
		for column := range size.columns {
			v.Header = append(v.Header, fmt.Sprintf("COLUMN%d", column))
		}
		for row := range size.rows {
			cells := make([]string, size.columns)
			for column := range cells {
				cells[column] = fmt.Sprintf("value-%d-%d", column, row%1000*column)
			}
			v.Rows = append(v.Rows, cells)
		}
		b.Run(fmt.Sprintf("%dx%d", size.rows, size.columns), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.table(false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package leaks

import (
	"slices"
	"strings"
)

// anyCode is the exit code where it depends on what runs at the same time.
const anyCode = -1

func (r leakRow) hasTrait(word string) bool { return slices.Contains(strings.Fields(r.how), word) }

// showsToken says whether stdout may hold a token, and must.
func (r leakRow) showsToken() bool { return r.hasTrait("shown") || r.hasTrait("random") }

func (r leakRow) expand() []leakRow {
	first, others, several := strings.Cut(r.args, " | ")
	if !several {
		return []leakRow{r}
	}
	var rows []leakRow
	for other := range strings.SplitSeq(others, " | ") {
		rows = append(rows, leakRow{first + " " + other, r.code, r.how})
	}
	return rows
}

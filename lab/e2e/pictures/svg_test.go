package pictures

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The sizes of a picture in pixels. A column is as wide as in the widest of the common
// monospaced fonts, because a picture names fonts and contains none.
const (
	columnWidth, lineHeight = 8.5, 20
	margin, titleBar        = 18, 34
)

// svg draws lines in the window of a terminal, whose background and border are visible on
// light and dark pages. Only command lines differ, in bold, because bootctl prints no
// colors.
func svg(title string, lines []line) string {
	columns := 0
	for _, l := range lines {
		columns = max(columns, utf8.RuneCountInString(l.text))
	}
	width, height := int(float64(columns)*columnWidth)+2*margin, titleBar+len(lines)*lineHeight+margin
	title = html.EscapeString(title)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" role="img">
<title>%[3]s</title>
<rect x="0.5" y="0.5" width="%[4]d" height="%[5]d" rx="8" fill="#161b22" stroke="#6e7681"/>
<g fill="#6e7681"><circle cx="20" cy="18" r="5"/><circle cx="38" cy="18" r="5"/><circle cx="56" cy="18" r="5"/></g>
<g fill="#e6edf3" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace" font-size="14">
`, width, height, title, width-1, height-1)
	for i, l := range lines {
		weight := ""
		if l.command {
			weight = ` font-weight="bold"`
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" xml:space="preserve"%s>%s</text>`+"\n", margin, titleBar+i*lineHeight+lineHeight*3/4, weight, html.EscapeString(l.text))
	}
	return b.String() + "</g>\n</svg>\n"
}

var drawn = regexp.MustCompile(`<text [^>]*?( font-weight="bold")?>(.*)</text>`)

// parse returns the lines of a picture.
func parse(picture string) []line {
	var lines []line
	for _, match := range drawn.FindAllStringSubmatch(picture, -1) {
		lines = append(lines, line{html.UnescapeString(match[2]), match[1] != ""})
	}
	return lines
}

// Package escape makes strings that come from a server harmless to print.
//
// Names, subjects, descriptions and messages in a cluster are free text: a mere
// bootstrap token can put escape sequences, line feeds or right-to-left
// controls into the name of a request. Text formats escape every field with
// [Text]; JSON and YAML write such characters as escapes of their own ([JSON],
// [MarkYAML]), so that the value read back is the server's own.
package escape

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Text returns s on one line, with everything that is not printable, and every
// backslash, escaped as in a Go string: \n, \x1b, \u202e. Invalid UTF-8 comes
// out as \x and two hex digits a byte. Different strings stay different.
func Text(s string) string {
	if IsPlain(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// IsPlain says whether s is ASCII in which nothing is to be escaped.
func IsPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// JSON returns the JSON document with every character that is not printable
// written as \uXXXX. The document's meaning is unchanged.
func JSON(document []byte) []byte {
	if !slices.ContainsFunc(document, func(b byte) bool { return b > '~' || b < ' ' && b != '\n' }) {
		return document
	}
	var out bytes.Buffer
	for _, r := range string(document) {
		if r == '\n' || unicode.IsPrint(r) {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.Bytes()
}

// mark stands before the digits of a character that YAML writers would not escape.
const mark = "\x01"

// MarkYAML returns s with every character that is not printable, other than a line
// feed, and every backslash marked: it travels as U+0001 and an escape of YAML without its
// backslash, such as u202e.
//
// YAML writers leave bidi controls as they are. The control character of a mark
// makes the writer choose a double-quoted string and write it as \x01, which
// [UnmarkYAML] then makes the backslash of the escape. No other \x01 can come out, since
// backslashes are marked like everything else.
func MarkYAML(s string) string {
	if IsPlain(s) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r != '\\' && unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, mark+"U%08x", r)
		default:
			fmt.Fprintf(&out, mark+"u%04x", r)
		}
	}
	return out.String()
}

// UnmarkYAML returns the YAML that a writer made of strings that [MarkYAML] has
// marked, with the escape of each marked character.
func UnmarkYAML(document []byte) []byte {
	return []byte(strings.NewReplacer(`\x01u005c`, `\\`, `\x01`, `\`).Replace(string(document)))
}

// ShellQuote returns a word as the shell reads it back; empty when it has characters
// that would need more than single quotes around it.
func ShellQuote(word string) string {
	unfit := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' || r == '\'' }
	if word == "" || strings.HasPrefix(word, "-") || strings.ContainsFunc(word, unfit) {
		return ""
	}
	return ShellPath(word)
}

// ShellPath returns a path as one word of a POSIX shell, whatever its characters
// are. It is for text that is printed as it is: [Text] would change it.
func ShellPath(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/@+=,", r)
	}
	if path != "" && strings.TrimFunc(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// Count returns a number of things: 1 token, 2 tokens.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// FirstN returns the first n of the texts, and how many more there are.
func FirstN(texts []string, n int, separator string) string {
	if more := len(texts) - n; more > 0 {
		texts = append(slices.Clone(texts[:n]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, separator)
}

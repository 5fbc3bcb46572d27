// Package escape makes strings from a server safe to print.
//
// Names, subjects, descriptions and messages in a cluster are free text: anyone with a
// bootstrap token can put escape sequences, line feeds or right-to-left controls into
// the name of a CSR. Text formats escape every field with [Text]; JSON and YAML escape
// such characters in their own syntax ([JSON], [MarkYAML]), so that reading the value
// back yields the server's original.
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

// Text returns s on one line, with every unprintable character and every backslash
// escaped as in a Go string: \n, \x1b, \u202e. Each byte of invalid UTF-8 is written as
// \x and two hex digits. Different strings stay different.
func Text(s string) string {
	if IsPlain(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// IsPlain reports whether s is ASCII without characters to escape.
func IsPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// JSON returns the JSON document with every unprintable character written as \uXXXX. The
// document's meaning is unchanged.
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

// mark precedes the digits of a character that YAML writers would not escape.
const mark = "\x01"

// MarkYAML returns s with every backslash and every unprintable character, except line
// feeds, marked: replaced by U+0001 and a YAML escape without its backslash, such as
// u202e.
//
// YAML writers do not escape bidi controls. The control character of a mark makes the
// writer choose a double-quoted string and write \x01, which [UnmarkYAML] then replaces
// with the backslash of the escape. No other \x01 can occur, because backslashes are
// marked as well.
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

// UnmarkYAML returns YAML that was written from strings marked by [MarkYAML], with an
// escape for each marked character.
func UnmarkYAML(document []byte) []byte {
	return []byte(strings.NewReplacer(`\x01u005c`, `\\`, `\x01`, `\`).Replace(string(document)))
}

// ShellQuote returns a word quoted for the shell; empty if the word has characters that
// single quotes cannot make safe to print.
func ShellQuote(word string) string {
	isUnsafe := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' || r == '\'' }
	if word == "" || strings.HasPrefix(word, "-") || strings.ContainsFunc(word, isUnsafe) {
		return ""
	}
	return ShellPath(word)
}

// ShellPath returns a path as one word for a POSIX shell, with any characters. Print the
// result unchanged: [Text] would alter it.
func ShellPath(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/@+=,", r)
	}
	if path != "" && strings.TrimFunc(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// Count returns a number with a noun, such as "1 token" or "2 tokens".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// FirstN joins the first n texts, and adds how many more there are.
func FirstN(texts []string, n int, separator string) string {
	if more := len(texts) - n; more > 0 {
		texts = append(slices.Clone(texts[:n]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, separator)
}

// Package safe makes strings that come from a server harmless to print.
//
// Names, subjects, descriptions and messages in a cluster are free text: a mere
// bootstrap token can put escape sequences, line feeds or right-to-left
// controls into the name of a request. Text formats escape every field with
// [Text]; JSON and YAML write such characters as escapes of their own ([JSON],
// [YAML]), so that the value read back is the server's own.
package safe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// Text returns s on one line, with everything that is not printable, and every
// backslash, escaped as in a Go string: \n, \x1b, \u202e. Invalid UTF-8 comes
// out as \x and two hex digits a byte. Different strings stay different.
func Text(s string) string {
	if isPlain(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// isPlain says whether nothing in s is to be escaped.
func isPlain(s string) bool {
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
	var out bytes.Buffer
	for len(document) > 0 {
		r, size := utf8.DecodeRune(document)
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.Write(document[:size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		document = document[size:]
	}
	return out.Bytes()
}

// An escape in JSON, and one that is marked in YAML.
var (
	jsonEscape = regexp.MustCompile(`\\(?:u([0-9a-f]{4})(?:\\u(d[c-f][0-9a-f]{2}))?|.)`)
	marked     = regexp.MustCompile(`\\x01[0-9a-f]{8}`)
)

// YAML converts a JSON document to YAML in which every character that is not
// printable is written as an escape.
//
// YAML writers leave bidi controls as they are. So each JSON escape travels as
// U+0001 and eight hex digits: the control character makes the writer choose a
// double-quoted string and write it as \x01, which then becomes the escape
// proper. Backslashes travel the same way, so no other \x01 can come out.
func YAML(document []byte) ([]byte, error) {
	out, err := yaml.JSONToYAML(jsonEscape.ReplaceAllFunc(JSON(document), mark))
	if err != nil {
		return nil, err
	}
	return marked.ReplaceAllFunc(out, unmark), nil
}

func mark(escape []byte) []byte {
	if escape[1] == 'n' || escape[1] == '"' || escape[1] == '/' {
		return escape // safe in YAML as they are
	}
	var s string
	if err := json.Unmarshal(fmt.Appendf(nil, `"%s"`, escape), &s); err != nil {
		return escape
	}
	var out []byte
	for _, r := range s {
		out = fmt.Appendf(out, `\u0001%08x`, r)
	}
	return out
}

func unmark(text []byte) []byte {
	switch digits := text[len(`\x01`):]; {
	case string(digits) == "0000005c":
		return []byte(`\\`)
	case bytes.HasPrefix(digits, []byte("0000")):
		return append([]byte(`\u`), digits[4:]...)
	default:
		return append([]byte(`\U`), digits...)
	}
}

// Word returns a word as the shell reads it back; empty when it has characters
// that would need more than single quotes around it.
func Word(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/@+=,", r)
	}
	unfit := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' || r == '\'' }
	switch {
	case word == "" || strings.HasPrefix(word, "-") || strings.ContainsFunc(word, unfit):
		return ""
	case strings.TrimFunc(word, plain) == "":
		return word
	}
	return "'" + word + "'"
}

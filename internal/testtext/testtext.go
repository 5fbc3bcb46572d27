// Package testtext creates hostile texts, as a malicious server might send them.
package testtext

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// pieces are combined by Hostile: escape sequences, control characters, bidi controls,
// zero-width characters, line ends, invalid UTF-8, and characters with a meaning in a
// shell, JSON, YAML, a template or a table.
var pieces = []string{
	"\x1b[2J", "\x1b]0;title\x07", "\x1b", "\x9b31m", "\u009b", "\u0085", "\x00", "\x01", "\x7f", "\b", "\r", "\n", "\t", "\v", "\f",
	"\u202e", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u200d", "\ufeff", "\u2028", "\u2029", "\u00ad", "\u3164", "\U000e0041", "\ufffe", "\ufffd",
	"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "e\u0301", "\u0600", "漢", "🦀", "é", "a", "Z", "0", " ", "  ", "-", "_", ".", "..", "/", "%s", "%00",
	"'", `"`, "`", `\`, `\n`, `\u202e`, `\x1b`, "$(id)", "${x}", ";", "&", "|", "<", ">", "*", "?", "~", "#", "!", "{{.}}", "{", "}", "[", "]", ":", ": ", "- ", ",", "=", "@", "null", "true", "0x", "1e9", "---\n", "…",
}

// Hostile returns the n-th of an endless sequence of hostile texts, which never changes.
func Hostile(n int) string {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n))
	digest := sha256.Sum256(seed[:])
	var text strings.Builder
	for _, b := range digest[1 : 2+digest[0]%24] {
		text.WriteString(pieces[int(b)%len(pieces)])
	}
	return text.String()
}

package token

import (
	"strings"
)

// maxExtraChars is by how many characters more a half may be too long, and still be taken
// for that of a token with something glued to it.
const maxExtraChars = 2

// Redact hides the secret half of whatever looks like a token in a text, such as
// an error about a command line with a token in the wrong place. It looks like one,
// too, with one or two characters more before or after it, unless it goes on as the
// name of a host does.
func Redact(text string) string {
	out := []byte(text)
	for dot := range text {
		if text[dot] != '.' {
			continue
		}
		begin, end := dot, dot+1
		for begin > 0 && isCharacter(text[begin-1]) {
			begin--
		}
		for end < len(text) && isCharacter(text[end]) {
			end++
		}
		before, after := dot-begin, end-dot-1
		isName := begin > 0 && text[begin-1] == '.' || end+1 < len(text) && text[end] == '.' && isCharacter(text[end+1])
		if before < idLength || before > idLength+maxExtraChars || after < secretLength || after > secretLength+maxExtraChars ||
			isName && (before > idLength || after > secretLength) {
			continue
		}
		copy(out[dot+1:end], strings.Repeat("*", after))
	}
	return string(out)
}

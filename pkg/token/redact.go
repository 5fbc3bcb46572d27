package token

import "strings"

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
		head, tail := strings.TrimRight(text[:dot], alphabet), strings.TrimLeft(text[dot+1:], alphabet)
		before, after := dot-len(head), len(text)-len(tail)-dot-1
		isName := strings.HasSuffix(head, ".") || len(tail) > 1 && tail[0] == '.' && isCharacter(tail[1])
		if before < idLength || before > idLength+maxExtraChars || after < secretLength || after > secretLength+maxExtraChars ||
			isName && (before > idLength || after > secretLength) {
			continue
		}
		copy(out[dot+1:], strings.Repeat("*", after))
	}
	return string(out)
}

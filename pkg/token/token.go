package token

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Lengths of the two halves, from cluster-bootstrap's token/api.
const (
	idLength     = 6
	secretLength = 16
)

// alphabet has the characters of a token.
const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// ErrInvalid means that a text is not a bootstrap token or not a token ID. The
// error never quotes the text.
var ErrInvalid = errors.New("not a bootstrap token")

// Token is a bootstrap token. However it is printed, logged or marshalled, it
// shows its ID and never its secret. The zero value is no token.
type Token struct {
	id string
	// Behind a pointer, because fmt prints unexported fields of unexported
	// fields without asking any method.
	secret *string
}

// Parse reads a token of the form "abcdef.0123456789abcdef". It returns an
// error that matches ErrInvalid and says what is wrong without quoting it.
func Parse(s string) (Token, error) {
	if len(s) != idLength+1+secretLength {
		return Token{}, fmt.Errorf("%w: it has %d bytes where 6 characters, a dot and 16 characters make 23", ErrInvalid, len(s))
	}
	if s[idLength] != '.' {
		return Token{}, fmt.Errorf("%w: there is no dot after its first 6 characters", ErrInvalid)
	}
	id, secret := s[:idLength], s[idLength+1:]
	if at := firstInvalid(id); at >= 0 {
		return Token{}, fmt.Errorf("%w: character %d is none of a-z and 0-9", ErrInvalid, at+1)
	}
	if at := firstInvalid(secret); at >= 0 {
		return Token{}, fmt.Errorf("%w: character %d is none of a-z and 0-9", ErrInvalid, idLength+1+at+1)
	}
	return Token{id, &secret}, nil
}

// ParseID reads the six characters that name a token. It returns an error that
// matches ErrInvalid.
func ParseID(s string) (string, error) {
	if len(s) != idLength || firstInvalid(s) >= 0 {
		return "", fmt.Errorf("%w ID: an ID is 6 characters of a-z and 0-9", ErrInvalid)
	}
	return s, nil
}

// Generate draws a new token from random. Bytes past the last multiple of 36 are
// thrown away, so that no character is more likely than another.
func Generate(random io.Reader) (Token, error) {
	const limit = 256 - 256%len(alphabet)
	var text []byte
	buf := make([]byte, 64)
	for len(text) < idLength+secretLength {
		if _, err := io.ReadFull(random, buf); err != nil {
			return Token{}, fmt.Errorf("draw a token: %w", err)
		}
		for _, b := range buf {
			if int(b) < limit {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	id, secret := string(text[:idLength]), string(text[idLength:idLength+secretLength])
	return Token{id, &secret}, nil
}

// ID returns the public half.
func (t Token) ID() string { return t.id }

// IsZero says whether t is no token at all.
func (t Token) IsZero() bool { return t.secret == nil }

// Secret returns the secret half: the key that signs cluster-info.
func (t Token) Secret() string {
	if t.IsZero() {
		return ""
	}
	return *t.secret
}

// Reveal returns the whole token, as a bearer credential or a result to show.
func (t Token) Reveal() string { return t.id + "." + t.Secret() }

// String returns the ID.
func (t Token) String() string { return t.id }

// Format prints the ID, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.id) }

// MarshalText returns the ID.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.id), nil }

// LogValue returns the ID.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.id) }

// isCharacter says whether c is one of the alphabet.
func isCharacter(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// firstInvalid returns the offset of the first character outside the alphabet, or
// -1, in a time that does not depend on where it stands.
func firstInvalid(s string) int {
	bad := -1
	for i := len(s) - 1; i >= 0; i-- {
		if !isCharacter(s[i]) {
			bad = i
		}
	}
	return bad
}

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

package token

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// The lengths of the ID and the secret, from cluster-bootstrap's token/api.
const (
	idLength     = 6
	secretLength = 16
)

// alphabet contains the characters that a token may have.
const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// ErrInvalid means that a string is not a bootstrap token or not a token ID. The
// error never quotes the string.
var ErrInvalid = errors.New("not a bootstrap token")

// Token is a bootstrap token. When printed, logged or marshaled, it shows its ID and
// never its secret. The zero value is no token.
type Token struct {
	id string
	// A pointer, because fmt prints the unexported fields of unexported fields
	// without calling their methods.
	secret *string
}

// Parse reads a token of the form "abcdef.0123456789abcdef". It returns an error
// that matches ErrInvalid and explains what is wrong without quoting the string.
func Parse(s string) (Token, error) {
	if len(s) != idLength+1+secretLength {
		return Token{}, fmt.Errorf("%w: it has %d bytes instead of 23 (6 characters, a dot and 16 characters)", ErrInvalid, len(s))
	}
	if s[idLength] != '.' {
		return Token{}, fmt.Errorf("%w: there is no dot after its first 6 characters", ErrInvalid)
	}
	id, secret := s[:idLength], s[idLength+1:]
	if at := firstInvalid(id); at >= 0 {
		return Token{}, fmt.Errorf("%w: character %d is not one of a-z and 0-9", ErrInvalid, at+1)
	}
	if at := firstInvalid(secret); at >= 0 {
		return Token{}, fmt.Errorf("%w: character %d is not one of a-z and 0-9", ErrInvalid, idLength+1+at+1)
	}
	return Token{id, &secret}, nil
}

// ParseID reads a token ID, which has six characters. It returns an error that
// matches ErrInvalid.
func ParseID(s string) (string, error) {
	if len(s) != idLength || firstInvalid(s) >= 0 {
		return "", fmt.Errorf("%w ID: an ID is 6 characters of a-z and 0-9", ErrInvalid)
	}
	return s, nil
}

// Generate generates a token with bytes from random. It discards bytes past the last
// multiple of 36, so that all characters are equally likely.
func Generate(random io.Reader) (Token, error) {
	const limit = 256 - 256%len(alphabet)
	var text []byte
	buf := make([]byte, 64)
	for len(text) < idLength+secretLength {
		if _, err := io.ReadFull(random, buf); err != nil {
			return Token{}, fmt.Errorf("generate a token: %w", err)
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

// ID returns the public part of the token.
func (t Token) ID() string { return t.id }

// IsZero reports whether t is the zero value, which is no token.
func (t Token) IsZero() bool { return t.secret == nil }

// Secret returns the secret part of the token: the key that signs cluster-info.
func (t Token) Secret() string {
	if t.IsZero() {
		return ""
	}
	return *t.secret
}

// Reveal returns the full token, to send it as a bearer credential or to print it.
func (t Token) Reveal() string { return t.id + "." + t.Secret() }

// String returns the ID.
func (t Token) String() string { return t.id }

// Format prints the ID for every verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.id) }

// MarshalText returns the ID.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.id), nil }

// LogValue returns the ID.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.id) }

// isCharacter reports whether c is in the alphabet.
func isCharacter(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// firstInvalid returns the offset of the first character outside the alphabet, or
// -1. It takes the same time for every offset.
func firstInvalid(s string) int {
	bad := -1
	for i := len(s) - 1; i >= 0; i-- {
		if !isCharacter(s[i]) {
			bad = i
		}
	}
	return bad
}

// maxExtraChars is how many extra characters the ID or the secret may have for Redact
// to treat the text as a token.
const maxExtraChars = 2

// Redact hides the secret of anything in a text that looks like a token, such as in
// an error about a command line with a misplaced token. Text with one or two extra
// characters before or after the token is redacted as well, unless it continues like
// a host name.
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

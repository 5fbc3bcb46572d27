package token_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bootctl/bootctl/pkg/token"
)

var errRandom = errors.New("no randomness")

// Each of the 252 bytes below the limit yields a character, seven bytes per
// character; the four bytes above the limit yield none.
func TestGenerate_EachByte(t *testing.T) {
	counts := map[byte]int{}
	for b := range 256 {
		random := bytes.Repeat([]byte{byte(b)}, 64)
		tok, err := token.Generate(bytes.NewReader(random))
		if b >= 252 {
			if err == nil {
				t.Errorf("byte %d became %s", b, tok.Reveal())
			}
			continue
		}
		if err != nil {
			t.Fatalf("byte %d: %v", b, err)
		}
		if text := tok.ID() + tok.Secret(); strings.Trim(text, text[:1]) != "" {
			t.Errorf("byte %d became %s", b, tok.Reveal())
		}
		counts[tok.ID()[0]]++
	}
	if len(counts) != 36 {
		t.Errorf("%d characters, want 36", len(counts))
	}
	for c, n := range counts {
		if n != 7 {
			t.Errorf("%q has %d bytes, want 7", c, n)
		}
	}
}

// Discarded bytes are replaced by reading more.
func TestGenerate_ReadsMore(t *testing.T) {
	useless := bytes.Repeat([]byte{252, 253, 254, 255}, 64)
	useful := make([]byte, 64)
	for i := range useful {
		useful[i] = byte(i)
	}
	const want = "abcdef.ghijklmnopqrstuv"
	tests := []struct {
		name   string
		random []byte
		want   string
	}{
		{"useful only", useful, want},
		{"useless first", slices.Concat(useless, useful), want},
		{"useless between", slices.Concat(useful[:10], useless, useful[10:], useless), want},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tok, err := token.Generate(bytes.NewReader(test.random))
			if err != nil || tok.Reveal() != test.want {
				t.Errorf("Generate = %s, %v, want %s", tok.Reveal(), err, test.want)
			}
			slow, err := token.Generate(iotest.OneByteReader(bytes.NewReader(test.random)))
			if err != nil || slow.Reveal() != test.want {
				t.Errorf("byte by byte, Generate = %s, %v, want %s", slow.Reveal(), err, test.want)
			}
		})
	}
}

// If randomness fails, Generate returns no token, not even one from earlier bytes.
func TestGenerate_NoRandomness(t *testing.T) {
	for name, random := range map[string][]byte{"immediately": nil, "after some bytes": make([]byte, 30), "after useless bytes": bytes.Repeat([]byte{255}, 64)} {
		t.Run(name, func(t *testing.T) {
			source := &failingReader{bytes.NewReader(random)}
			tok, err := token.Generate(source)
			wantError(t, err, errRandom)
			if !tok.IsZero() || tok.ID() != "" {
				t.Errorf("token %s was returned with an error", tok)
			}
		})
	}
}

// failingReader fails with errRandom after its content.
type failingReader struct{ *bytes.Reader }

func (r *failingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		err = errRandom
	}
	return n, err
}

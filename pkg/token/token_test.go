package token_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/pkg/token"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       string
		wantErr    error
	}{
		{"letters and digits", goodText, goodText, nil},
		{"ends of the alphabet", "a0z9az.a0z9a0z9a0z9a0z9", "a0z9az.a0z9a0z9a0z9a0z9", nil},
		{"empty", "", "", token.ErrInvalid},
		{"secret one short", goodText[:22], "", token.ErrInvalid},
		{"secret one long", goodText + "0", "", token.ErrInvalid},
		{"id one short, secret one long", "abcde.0123456789abcdef0", "", token.ErrInvalid},
		{"colon instead of the dot", "abcdef:0123456789abcdef", "", token.ErrInvalid},
		{"dot in the id", "abc.ef.0123456789abcdef", "", token.ErrInvalid},
		{"upper case in the id", "Abcdef.0123456789abcdef", "", token.ErrInvalid},
		{"upper case in the secret", "abcdef.0123456789abcdeF", "", token.ErrInvalid},
		{"below a", "`bcdef.0123456789abcdef", "", token.ErrInvalid},
		{"above z", "abcdef.0123456789abcde{", "", token.ErrInvalid},
		{"below 0", "abcdef./123456789abcdef", "", token.ErrInvalid},
		{"above 9", "abcdef.:123456789abcdef", "", token.ErrInvalid},
		{"space before", " bcdef.0123456789abcdef", "", token.ErrInvalid},
		{"line feed at the end", "abcdef.0123456789abcde\n", "", token.ErrInvalid},
		{"line feed after", goodText + "\n", "", token.ErrInvalid},
		{"not ASCII", "abcdef.0123456789abcdé", "", token.ErrInvalid},
		{"zero byte", "abcdef.0123456789abcde\x00", "", token.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := token.Parse(test.text)
			wantError(t, err, test.wantErr)
			if err == nil && got.Reveal() != test.want {
				t.Errorf("token = %q, want %q", got.Reveal(), test.want)
			}
			if err != nil && !got.IsZero() {
				t.Errorf("token %s was returned with an error", got)
			}
			if err != nil && len(test.text) > 16 && strings.Contains(err.Error(), test.text[7:16]) {
				t.Errorf("error %q quotes the text", err)
			}
		})
	}
}

func TestParseID(t *testing.T) {
	tests := []struct {
		name, text string
		wantErr    error
	}{
		{"good", goodID, nil},
		{"short", "abcde", token.ErrInvalid},
		{"long", "abcdef0", token.ErrInvalid},
		{"upper case", "Abcdef", token.ErrInvalid},
		{"slash", "abc/ef", token.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := token.ParseID(test.text)
			wantError(t, err, test.wantErr)
			if err == nil && got != test.text {
				t.Errorf("ID = %q, want %q", got, test.text)
			}
		})
	}
}

func TestToken_Zero(t *testing.T) {
	var zero token.Token
	if !zero.IsZero() || zero.ID() != "" || zero.Secret() != "" {
		t.Errorf("zero token: IsZero %v, ID %q, secret %q", zero.IsZero(), zero.ID(), zero.Secret())
	}
	if parse(t, goodText).IsZero() {
		t.Error("a token reports that it is the zero value")
	}
}

func TestGenerate(t *testing.T) {
	// 252 to 255 are past the last multiple of 36 and must not be used.
	random := append([]byte{252, 253, 254, 255, 0, 1, 25, 26, 35, 36, 251}, make([]byte, 64)...)
	tok, err := token.Generate(bytes.NewReader(random))
	if err != nil {
		t.Fatal(err)
	}
	if want := "abz09a.9aaaaaaaaaaaaaaa"; tok.Reveal() != want {
		t.Errorf("token = %s, want %s", tok.Reveal(), want)
	}
	if _, err := token.Generate(io.LimitReader(rand.Reader, 10)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error without enough randomness = %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestGenerate_EachCharacter(t *testing.T) {
	const tokens = 2000
	counts := map[rune]int{}
	for range tokens {
		tok, err := token.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range tok.ID() + tok.Secret() {
			counts[r]++
		}
	}
	mean := tokens * 22 / 36
	for _, r := range "abcdefghijklmnopqrstuvwxyz0123456789" {
		if counts[r] < mean*7/10 || counts[r] > mean*13/10 {
			t.Errorf("%q was generated %d times, want about %d", r, counts[r], mean)
		}
	}
	if len(counts) != 36 {
		t.Errorf("%d characters were generated, want 36", len(counts))
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{goodText, "", "abcdef.0123456789abcde\n", "abcdef.0123456789ABCDEF", goodText + " "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := token.Parse(s)
		if err != nil {
			wantError(t, err, token.ErrInvalid)
			return
		}
		if tok.Reveal() != s || tok.ID() != s[:6] || tok.Secret() != s[7:] {
			t.Errorf("Parse(%q) is %q", s, tok.Reveal())
		}
		if strings.Trim(tok.ID()+tok.Secret(), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("Parse(%q) accepts characters outside the alphabet", s)
		}
		if printed := fmt.Sprintf("%v %+v %#v", tok, tok, tok); strings.Contains(printed, tok.Secret()) {
			t.Errorf("printing reveals the secret: %s", printed)
		}
	})
}

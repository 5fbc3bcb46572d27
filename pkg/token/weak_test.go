package token_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/pkg/token"
)

// Each weak token follows a similar token without the weakness.
func TestWeakness(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // part of the reason; empty: not weak
		wantErr    error
	}{
		{"good", strongText, "", nil},

		{"as published, except the last character", "abcdef.f395accd246ae52e", "", nil},
		{"published", "abcdef.f395accd246ae52d", "documentation", token.ErrWeak},

		{"7 characters", "k3x9q2.adgjadgjmpsadgjm", "", nil},
		{"6 characters", "k3x9q2.adgjadgjmpjadgjm", "few different", token.ErrWeak},
		{"2 characters", "k3x9q2.adadadadadadadad", "few different", token.ErrWeak},
		{"1 character", "k3x9q2.aaaaaaaaaaaaaaaa", "few different", token.ErrWeak},

		{"8 steps up", "k3x9q2.abcdefghi0m5t2x8", "", nil},
		{"9 steps up", "k3x9q2.abcdefghij0m5t2x", "runs", token.ErrWeak},
		{"8 steps down", "k3x9q2.ihgfedcba0m5t2x8", "", nil},
		{"9 steps down", "k3x9q2.jihgfedcba0m5t2x", "runs", token.ErrWeak},
		{"8 repeated steps", "k3x9q2.aaaakkkktttm5x2w", "", nil},
		{"9 repeated steps", "k3x9q2.aaaakkkkttttm5x2", "runs", token.ErrWeak},
		{"every second character", "k3x9q2.acegikmoqsuwy246", "", nil},
		{"z and 0 are not adjacent", "k3x9q2.abcdefghiz0m5t2x", "", nil},

		{"half repeated, except the last character", "k3x9q2.r5nd0t8yr5nd0t8z", "", nil},
		{"half repeated", "k3x9q2.r5nd0t8yr5nd0t8y", "repeats", token.ErrWeak},

		{"digits except one", "k3x9q2.048291736502847m", "", nil},
		{"digits", "k3x9q2.0482917365028471", "digits", token.ErrWeak},
		{"letters", "k3x9q2.rmndktpymwbhqjzc", "", nil},

		{"contains its ID, except a character", "k3x9q2.r5ndk3x9q3ymw1hz", "", nil},
		{"contains its ID", "k3x9q2.r5ndk3x9q2ymw1hz", "its ID", token.ErrWeak},
		{"begins with its ID", "k3x9q2.k3x9q2r5ndymw1hz", "its ID", token.ErrWeak},
		{"ends with its ID", "k3x9q2.r5ndymw1hzk3x9q2", "its ID", token.ErrWeak},

		{"word, except a character", "k3x9q2.passwort8ymw1hq3", "", nil},
		{"word at the beginning", "k3x9q2.password8ymw1hq3", "word", token.ErrWeak},
		{"word in the middle", "k3x9q2.8ympasswordw1hq3", "word", token.ErrWeak},
		{"word at the end", "k3x9q2.8ymw1hq3password", "word", token.ErrWeak},
		{"word only in the ID", "qwerty." + strongSecret, "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tok := parse(t, test.text)
			weakness, err := tok.Weakness(), tok.CheckStrength()
			wantError(t, err, test.wantErr)
			if (weakness == "") != (test.wantErr == nil) || test.wantErr != nil && !strings.Contains(weakness, test.want) {
				t.Errorf("weakness %q, want %q", weakness, test.want)
			}
			if err != nil && (!strings.Contains(err.Error(), weakness) || !strings.Contains(err.Error(), tok.ID())) {
				t.Errorf("error = %v, want the ID and %q", err, weakness)
			}
			noSecrets(t, err, tok.Secret())
		})
	}
}

// A published secret is weak with any ID.
func TestWeakness_PublishedTokens(t *testing.T) {
	for _, text := range []string{
		"abcdef.0123456789abcdef", "07401b.f395accd246ae52d", "781292.db7bc3a58fc5f07e", "whd3pq.d1ushuf6ccisjacu", "abcdef.1234567890abcdef",
		"abcdef.abcdef0123456789", "abcdef.abcdef1234567890",
		"k3x9q2.9r9hcjoqgajrj4gi", "k3x9q2.d09sbcov8ph2amjw", "k3x9q2.5c6b7a8d9e0f1a2b", "k3x9q2.s4fq2gnx8q6nn3ci",
		"k3x9q2.0123456789abcdef", "k3x9q2.f395accd246ae52d", "k3x9q2.db7bc3a58fc5f07e", "k3x9q2.d1ushuf6ccisjacu", "k3x9q2.1234567890abcdef",
	} {
		tok := parse(t, text)
		if weakness := tok.Weakness(); !strings.Contains(weakness, "documentation") {
			t.Errorf("%s: weakness %q", text, weakness)
		}
		wantError(t, tok.CheckStrength(), token.ErrWeak)
	}
}

func TestWeakness_Words(t *testing.T) {
	for _, word := range []string{
		"password", "passw0rd", "secret", "token", "bootstrap", "kubernetes", "kubeadm", "cluster", "changeme", "admin", "qwerty", "letmein", "example",
	} {
		rest := "58zv41xj90gf"[:16-len(word)]
		for _, secret := range []string{word + rest, rest + word} {
			tok := parse(t, "k3x9q2."+secret)
			if weakness := tok.Weakness(); !strings.Contains(weakness, "word") {
				t.Errorf("%s: weakness %q", secret, weakness)
			}
			noSecrets(t, tok.CheckStrength(), secret)
		}
		spoilt := "k3x9q2." + word[:len(word)-1] + "8" + rest
		if weakness := parse(t, spoilt).Weakness(); weakness != "" {
			t.Errorf("%s: weakness %q, want none", spoilt, weakness)
		}
	}
}

func TestWeakness_ZeroToken(t *testing.T) {
	if weakness := (token.Token{}).Weakness(); weakness != "" {
		t.Errorf("weakness %q, want none", weakness)
	}
}

// `openssl rand -hex 8` is a common way to generate secrets and has 64 bits.
func TestWeakness_RandomHex(t *testing.T) {
	for _, secret := range []string{
		"9c41e7b05fd2638a", "e3a9127c4b80f6d5", "7f2e90d3a6b1c845", "b8604fd1e92a37c5", "02d7c9a45e1bf638", "c5f8e3017a94d26b", "4e19b7a02c8df536", "d03f6a8e51c972b4",
	} {
		if weakness := parse(t, "k3x9q2."+secret).Weakness(); weakness != "" {
			t.Errorf("%s: weakness %q, want none", secret, weakness)
		}
	}
}

// fixedRandom returns a random source that is the same in each run.
func fixedRandom(seed byte) *rand.ChaCha8 {
	return rand.NewChaCha8([32]byte{seed})
}

// At most one in 400,000 random tokens is weak: 0.75 of 300,000 on average. The
// probability of more than 6 is below 1 in 70,000.
func TestWeakness_RandomTokens(t *testing.T) {
	const tokens, most = 300_000, 6
	random, weak := fixedRandom(1), 0
	for range tokens {
		tok, err := token.Generate(random)
		if err != nil {
			t.Fatal(err)
		}
		if tok.CheckStrength() != nil {
			weak++
		}
	}
	if weak > most {
		t.Errorf("%d of %d random tokens are weak, want at most %d", weak, tokens, most)
	}
}

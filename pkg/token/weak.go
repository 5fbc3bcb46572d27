package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
)

// ErrWeak means that a token is easy to guess.
var ErrWeak = errors.New("the token is weak")

// CheckStrength returns an error that matches ErrWeak and says why when others
// may know or guess the token. Anyone can try guesses without asking the API
// server, since cluster-info is signed with the secret and readable by all.
func (t Token) CheckStrength() error {
	if weakness := t.Weakness(); weakness != "" {
		return fmt.Errorf("token %s: %w: %s", t.id, ErrWeak, weakness)
	}
	return nil
}

// Of random secrets, one in two million has as few different characters as fewest,
// and one in two million as many steps as mostSteps.
const (
	minDistinctChars = 6
	mostSteps        = 9
)

// Weakness says why others may know or guess the token; empty when nothing speaks
// for that. A random one in about 700,000 is called weak.
func (t Token) Weakness() string {
	secret := t.Secret()
	switch {
	case secret == "":
		return ""
	case slices.Contains(publishedSecrets, secret):
		return "its secret stands in documentation"
	case sets.New([]byte(secret)...).Len() <= minDistinctChars:
		return "its secret has few different characters"
	case steps(secret) >= mostSteps:
		return "its secret is mostly runs of neighbouring characters"
	case secret[:secretLength/2] == secret[secretLength/2:]:
		return "the second half of its secret repeats the first"
	case strings.Trim(secret, "0123456789") == "":
		return "its secret is digits alone"
	case strings.Contains(secret, t.id):
		return "its secret contains its ID"
	case slices.ContainsFunc(commonWords, func(word string) bool { return strings.Contains(secret, word) }):
		return "its secret contains a word that one would try first"
	}
	return ""
}

// publishedSecrets are the secrets of tokens in the documentation and the tests
// of Kubernetes, kubeadm and kind, and in courses.
var publishedSecrets = []string{
	"0123456789abcdef", "1234567890abcdef", "abcdef0123456789", "abcdef1234567890", "f395accd246ae52d", "db7bc3a58fc5f07e",
	"d1ushuf6ccisjacu", "9r9hcjoqgajrj4gi", "d09sbcov8ph2amjw", "5c6b7a8d9e0f1a2b", "s4fq2gnx8q6nn3ci",
}

// commonWords are words that someone who guesses secrets tries first.
var commonWords = []string{
	"password", "passw0rd", "secret", "token", "bootstrap", "kubernetes", "kubeadm", "cluster", "changeme", "admin", "qwerty", "letmein", "example",
}

// steps counts the characters that are the same as the one before, or next to it.
func steps(s string) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if step := int(s[i]) - int(s[i-1]); step >= -1 && step <= 1 {
			n++
		}
	}
	return n
}

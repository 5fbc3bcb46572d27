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

// CheckStrength returns an error that matches ErrWeak and contains the reason if others
// may know or guess the token. Guesses can be checked without contacting the API
// server, because cluster-info is signed with the secret and anyone can read it.
func (t Token) CheckStrength() error {
	if weakness := t.Weakness(); weakness != "" {
		return &IDError{t.id, fmt.Errorf("%w: %s", ErrWeak, weakness)}
	}
	return nil
}

// One in two million random secrets has at most minDistinctChars different characters,
// and one in two million has at least maxSteps steps.
const (
	minDistinctChars = 6
	maxSteps         = 9
)

// Weakness returns why others may know or guess the token; empty if there is no such
// reason. It reports about one in 700,000 random tokens.
func (t Token) Weakness() string {
	secret := t.Secret()
	switch {
	case secret == "":
		return ""
	case slices.Contains(publishedSecrets, secret):
		return "it is an example from public documentation"
	case sets.New([]byte(secret)...).Len() <= minDistinctChars:
		return "its secret has too few different characters"
	case steps(secret) >= maxSteps:
		return "its secret is mostly runs of adjacent characters"
	case secret[:secretLength/2] == secret[secretLength/2:]:
		return "the second half of its secret repeats the first"
	case strings.Trim(secret, "0123456789") == "":
		return "its secret has only digits"
	case strings.Contains(secret, t.id):
		return "its secret contains its ID"
	case slices.ContainsFunc(commonWords, func(word string) bool { return strings.Contains(secret, word) }):
		return "its secret contains a common word"
	}
	return ""
}

// publishedSecrets are the secrets of tokens in documentation and tests of Kubernetes,
// kubeadm and kind, and in courses.
var publishedSecrets = []string{
	"0123456789abcdef", "1234567890abcdef", "abcdef0123456789", "abcdef1234567890", "f395accd246ae52d", "db7bc3a58fc5f07e",
	"d1ushuf6ccisjacu", "9r9hcjoqgajrj4gi", "d09sbcov8ph2amjw", "5c6b7a8d9e0f1a2b", "s4fq2gnx8q6nn3ci",
}

// commonWords are words that an attacker would try first.
var commonWords = []string{
	"password", "passw0rd", "secret", "token", "bootstrap", "kubernetes", "kubeadm", "cluster", "changeme", "admin", "qwerty", "letmein", "example",
}

// steps counts the characters that equal the previous character or are adjacent to it.
func steps(s string) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if step := int(s[i]) - int(s[i-1]); step >= -1 && step <= 1 {
			n++
		}
	}
	return n
}

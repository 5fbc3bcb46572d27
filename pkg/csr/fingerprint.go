package csr

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Fingerprint returns "sha256:" and the hex SHA-256 of the SubjectPublicKeyInfo, by which a
// person can compare the keys of CSRs.
func Fingerprint(publicKey any) string {
	der, err := x509.MarshalPKIXPublicKey(publicKey)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ErrInvalidFingerprint means that a text is not a fingerprint, or too short.
var ErrInvalidFingerprint = errors.New("invalid fingerprint")

// minFingerprint is how many hex digits of a fingerprint an attacker cannot match with
// another key.
const minFingerprint = 20

// ParseFingerprint reads a fingerprint, or at least 20 hex digits of its
// beginning, with or without "sha256:" and with spaces or colons between groups, as people
// read it aloud. It returns "sha256:" and the digits in lower case, a prefix of the
// fingerprints that match.
func ParseFingerprint(s string) (string, error) {
	digits := strings.ToLower(s)
	digits = strings.TrimPrefix(strings.TrimSpace(digits), "sha256:")
	digits = strings.NewReplacer(" ", "", ":", "", "-", "").Replace(digits)
	if strings.Trim(digits, "0123456789abcdef") != "" || len(digits) > 2*sha256.Size {
		return "", fmt.Errorf("%w: it must be sha256: and up to %d hex digits", ErrInvalidFingerprint, 2*sha256.Size)
	}
	if len(digits) < minFingerprint {
		return "", fmt.Errorf("%w: it has %d hex digits and must have at least %d", ErrInvalidFingerprint, len(digits), minFingerprint)
	}
	return "sha256:" + digits, nil
}

// FormatFingerprint formats a fingerprint in groups of four digits, to be read aloud.
func FormatFingerprint(fingerprint string) string {
	digits := strings.TrimPrefix(fingerprint, "sha256:")
	return strings.TrimSpace(fourDigits.ReplaceAllString(digits, "$0 "))
}

var fourDigits = regexp.MustCompile(`.{4}`)

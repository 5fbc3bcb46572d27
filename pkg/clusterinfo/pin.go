package clusterinfo

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/escape"
)

// Errors of pins.
var (
	// ErrInvalidPin means that a string is not the pin of a public key.
	ErrInvalidPin = errors.New("not a CA pin")
	// ErrPinMismatch means that no CA certificate has a pinned key.
	ErrPinMismatch = errors.New("no CA certificate of the cluster matches a pin")
	// ErrUnusableCA means that the CA certificates that could be trusted have expired,
	// are not valid yet or are not CA certificates.
	ErrUnusableCA = errors.New("no CA certificate of the cluster can be used")
	// ErrCAExpired means that a pinned CA certificate is not valid now. It matches
	// ErrUnusableCA.
	ErrCAExpired = fmt.Errorf("%w", ErrUnusableCA)
)

const pinPrefix = "sha256:"

// Pin is the SHA-256 digest of a DER-encoded SubjectPublicKeyInfo.
type Pin [sha256.Size]byte

// PinOf returns the pin of the certificate's public key, which may have any type.
func PinOf(cert *x509.Certificate) Pin {
	return sha256.Sum256(cert.RawSubjectPublicKeyInfo)
}

// ParsePin reads a pin of the form sha256:HEX, in upper or lower case. It returns an
// error that matches ErrInvalidPin.
func ParsePin(s string) (Pin, error) {
	var pin Pin
	if len(s) < len(pinPrefix) || !strings.EqualFold(s[:len(pinPrefix)], pinPrefix) {
		return pin, fmt.Errorf("%w: %q lacks the prefix \"sha256:\"", ErrInvalidPin, s)
	}
	raw, err := hex.DecodeString(s[len(pinPrefix):])
	if err != nil || len(raw) != len(pin) {
		return pin, fmt.Errorf("%w: %q is not sha256: and 64 hex digits", ErrInvalidPin, s)
	}
	copy(pin[:], raw)
	if pin == sha256.Sum256(nil) {
		return pin, fmt.Errorf("%w: %q is the hash of empty input: the command that created it printed no key (openssl rsa prints none for an ECDSA CA)", ErrInvalidPin, s)
	}
	return pin, nil
}

// String returns the pin as sha256: and 64 lower-case hex digits.
func (p Pin) String() string { return pinPrefix + hex.EncodeToString(p[:]) }

// Pins returns the pin of each certificate.
func Pins(certs []*x509.Certificate) []Pin {
	pins := make([]Pin, 0, len(certs))
	for _, cert := range certs {
		pins = append(pins, PinOf(cert))
	}
	return pins
}

// PinTexts returns the pin of each certificate as a string.
func PinTexts(certs []*x509.Certificate) []string {
	texts := make([]string, 0, len(certs))
	for _, pin := range Pins(certs) {
		texts = append(texts, pin.String())
	}
	return texts
}

// Trusted returns the certificates of bundle that may be used as roots: those that
// have a pinned key, are CA certificates and are valid at now. It returns
// ErrPinMismatch if no key is pinned, and ErrUnusableCA if the pinned certificates
// cannot be used. No other certificate of the bundle is trusted.
func Trusted(bundle []*x509.Certificate, pins []Pin, now time.Time) ([]*x509.Certificate, error) {
	err := mismatch(bundle, pins)
	var roots []*x509.Certificate
	for _, cert := range bundle {
		if !slices.Contains(pins, PinOf(cert)) {
			continue
		}
		if problem, kind := unusable(cert, now); problem != "" {
			err = fmt.Errorf("%w: %s %s", kind, PinOf(cert), problem)
			continue
		}
		roots = append(roots, cert)
	}
	if len(roots) == 0 {
		return nil, err
	}
	return roots, nil
}

// mismatch lists the keys of the bundle, or reports that a pin is a certificate's hash.
func mismatch(bundle []*x509.Certificate, pins []Pin) error {
	for _, cert := range bundle {
		if whole := Pin(sha256.Sum256(cert.Raw)); slices.Contains(pins, whole) {
			return fmt.Errorf("%w (%s is the hash of a certificate instead of its public key, whose pin is %s)", ErrPinMismatch, whole, PinOf(cert))
		}
	}
	return fmt.Errorf("%w (their pins are %s)", ErrPinMismatch, escape.FirstN(PinTexts(bundle), 3, ", "))
}

// unusable returns why the certificate cannot be a root, and the error to match; the
// problem is empty if it can.
func unusable(cert *x509.Certificate, now time.Time) (problem string, kind error) {
	switch {
	case !cert.BasicConstraintsValid || !cert.IsCA:
		return "is not a CA certificate", ErrUnusableCA
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return "may not sign certificates", ErrUnusableCA
	}
	return ValidityProblem(cert, now), ErrCAExpired
}

// ValidityProblem returns why the certificate is not valid at now; empty if it is
// valid.
func ValidityProblem(cert *x509.Certificate, now time.Time) string {
	switch {
	case now.Before(cert.NotBefore):
		return fmt.Sprintf("is not valid before %s, and the time here is %s", cert.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case now.After(cert.NotAfter):
		return fmt.Sprintf("expired at %s, and the time here is %s", cert.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return ""
}

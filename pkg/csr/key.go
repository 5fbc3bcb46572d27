package csr

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// ErrInvalidKey means that a text is not the PEM of a private key that can sign
// a request.
var ErrInvalidKey = errors.New("not a private key")

// GenerateKey draws an ECDSA key on the curve P-256, as the kubelet does.
func GenerateKey(random io.Reader) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return key, nil
}

// EncodeKey returns the key as PEM: EC PRIVATE KEY for ECDSA, as the kubelet
// writes it, PRIVATE KEY for others.
func EncodeKey(key crypto.Signer) ([]byte, error) {
	block := &pem.Block{Type: "PRIVATE KEY"}
	var err error
	if ec, ok := key.(*ecdsa.PrivateKey); ok {
		block.Type = "EC PRIVATE KEY"
		block.Bytes, err = x509.MarshalECPrivateKey(ec)
	} else {
		block.Bytes, err = x509.MarshalPKCS8PrivateKey(key)
	}
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

// ParseKey reads the first private key in the PEM text: ECDSA, RSA or Ed25519.
// It returns an error that matches ErrInvalidKey and quotes nothing of it.
func ParseKey(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		default:
			continue
		}
		if signer, ok := key.(crypto.Signer); ok && err == nil {
			return signer, nil
		}
		return nil, fmt.Errorf("%w: its %s block cannot be read", ErrInvalidKey, block.Type)
	}
	return nil, fmt.Errorf("%w: it has no PEM block of one", ErrInvalidKey)
}

// CheckKey returns an error that matches ErrInvalidKey unless the CSR is for the key.
func CheckKey(r Request, key crypto.Signer) error {
	if !sameKey(key.Public(), r.PKCS10.PublicKey) {
		return fmt.Errorf("%w: the request is for another key", ErrInvalidKey)
	}
	return nil
}

// Fingerprint returns "sha256:" and the hex SHA-256 of the SubjectPublicKeyInfo,
// by which a person can tell one request's key from another's.
func Fingerprint(publicKey any) string {
	der, err := x509.MarshalPKIXPublicKey(publicKey)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ErrInvalidFingerprint means that a text is not a fingerprint, nor enough of one.
var ErrInvalidFingerprint = errors.New("not a fingerprint")

// minFingerprint is how many hex digits of a fingerprint tell one key from
// another that someone made to resemble it.
const minFingerprint = 20

// ParseFingerprint reads a fingerprint, or at least 20 hex digits of its
// beginning, with or without "sha256:" and with spaces or colons between groups,
// as a person hears it. It returns "sha256:" and the digits in lower case, which
// the fingerprints that are meant begin with.
func ParseFingerprint(s string) (string, error) {
	digits := strings.ToLower(s)
	digits = strings.TrimPrefix(strings.TrimSpace(digits), "sha256:")
	digits = strings.NewReplacer(" ", "", ":", "", "-", "").Replace(digits)
	if strings.Trim(digits, "0123456789abcdef") != "" || len(digits) > 2*sha256.Size {
		return "", fmt.Errorf("%w: it must be sha256: and up to %d hex digits", ErrInvalidFingerprint, 2*sha256.Size)
	}
	if len(digits) < minFingerprint {
		return "", fmt.Errorf("%w: %d hex digits are too few, it takes %d", ErrInvalidFingerprint, len(digits), minFingerprint)
	}
	return "sha256:" + digits, nil
}

// FormatFingerprint writes a fingerprint in groups of four digits, to be read aloud.
func FormatFingerprint(fingerprint string) string {
	digits := strings.TrimPrefix(fingerprint, "sha256:")
	return strings.TrimSpace(fourDigits.ReplaceAllString(digits, "$0 "))
}

var fourDigits = regexp.MustCompile(`.{4}`)

// KeyType names the type and size of a public key, such as "ECDSA P-256".
func KeyType(publicKey any) string {
	switch key := publicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown"
}

// IsStrong says whether a public key is fit for a certificate: ECDSA on P-256,
// P-384 or P-521, RSA of 2048 to 8192 bits with an exponent of 65537 or more, or
// Ed25519.
func IsStrong(publicKey any) bool {
	switch key := publicKey.(type) {
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize >= 256
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192 && key.E >= 65537
	case ed25519.PublicKey:
		return true
	}
	return false
}

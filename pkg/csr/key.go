package csr

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

// ErrInvalidKey means that a text is not a private key in PEM that can sign a CSR, or is
// another CSR's key.
var ErrInvalidKey = errors.New("invalid private key")

// GenerateKey generates an ECDSA key on the curve P-256, as the kubelet does.
func GenerateKey(random io.Reader) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return key, nil
}

// EncodeKey returns the key in PEM: EC PRIVATE KEY for ECDSA, as the kubelet writes it,
// PRIVATE KEY for other types.
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
// It returns an error that matches ErrInvalidKey and contains nothing of the text.
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
		return nil, fmt.Errorf("%w: the %s block cannot be parsed", ErrInvalidKey, block.Type)
	}
	return nil, fmt.Errorf("%w: it has no PEM block with a private key", ErrInvalidKey)
}

// CheckKey returns an error that matches ErrInvalidKey unless the CSR is for the key.
func CheckKey(r Request, key crypto.Signer) error {
	if !sameKey(key.Public(), r.PKCS10.PublicKey) {
		return fmt.Errorf("%w: the CSR is for another key", ErrInvalidKey)
	}
	return nil
}

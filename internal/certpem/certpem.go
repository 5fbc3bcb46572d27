// Package certpem reads and writes certificates in PEM, and nothing else in it.
package certpem

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// Parse reads a text of one or more PEM certificates with nothing but white
// space between and around them.
func Parse(text []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := bytes.TrimSpace(text); len(rest) > 0; {
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, errors.New("there is something between or after the PEM blocks")
		}
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, errors.New("there is something that is not a PEM certificate")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs, rest = append(certs, cert), bytes.TrimSpace(after)
	}
	if len(certs) == 0 {
		return nil, errors.New("there is no certificate")
	}
	return certs, nil
}

// Encode returns the certificates as PEM.
func Encode(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, cert := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return out
}

// Split divides a text into the PEM certificates that it begins with, and the
// rest, such as the private key in a file that holds both.
func Split(text []byte) (certs, rest []byte) {
	at := 0
	for block, rest := pem.Decode(text); block != nil && block.Type == "CERTIFICATE"; block, rest = pem.Decode(rest) {
		at = len(text) - len(rest)
	}
	return text[:at], text[at:]
}

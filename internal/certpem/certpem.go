// Package certpem reads and writes PEM text that contains only certificates.
package certpem

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Next reads the PEM block at the beginning of a text, which must have the given type
// and no headers. It returns the contents of the block and the rest of the text.
func Next(text []byte, kind string) (der, rest []byte, err error) {
	block, rest := pem.Decode(text)
	// Decode skips other text and malformed blocks, and accepts base64 with trailing
	// bits, so the text must be identical to the block's encoding.
	if block == nil || block.Type != kind || len(block.Headers) > 0 || !bytes.HasPrefix(text, []byte("-----BEGIN ")) ||
		!bytes.Equal(stripSpace(text[:len(text)-len(rest)]), stripSpace(pem.EncodeToMemory(block))) {
		return nil, nil, fmt.Errorf("expected a PEM block of type %s without headers", kind)
	}
	return block.Bytes, rest, nil
}

// stripSpace removes white space.
func stripSpace(text []byte) []byte { return bytes.Join(bytes.Fields(text), nil) }

// Parse reads one or more PEM certificates, with only white space between and around
// them.
func Parse(text []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := bytes.TrimSpace(text); len(rest) > 0; {
		der, after, err := Next(rest, "CERTIFICATE")
		if err != nil {
			return nil, err
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		certs, rest = append(certs, cert), bytes.TrimSpace(after)
	}
	if len(certs) == 0 {
		return nil, errors.New("no certificate found")
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

// Split divides a text into the PEM certificates at its beginning and the rest, such as
// the private key in a file that contains both.
func Split(text []byte) (certs, rest []byte) {
	rest = text
	for {
		_, after, err := Next(bytes.TrimLeft(rest, " \t\r\n"), "CERTIFICATE")
		if err != nil {
			return text[:len(text)-len(rest)], rest
		}
		rest = after
	}
}

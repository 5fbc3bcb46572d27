// Package certpem reads and writes certificates in PEM, and nothing else in it.
package certpem

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Next reads one PEM block of the given type, without headers, that the text
// begins with, and returns what it holds and what follows it.
func Next(text []byte, kind string) (der, rest []byte, err error) {
	block, rest := pem.Decode(text)
	// Decode passes over other text and malformed blocks, and takes base64 with
	// bits left over: the text must be what it would be written as.
	if block == nil || block.Type != kind || len(block.Headers) > 0 || !bytes.HasPrefix(text, []byte("-----BEGIN ")) ||
		!bytes.Equal(stripSpace(text[:len(text)-len(rest)]), stripSpace(pem.EncodeToMemory(block))) {
		return nil, nil, fmt.Errorf("there is something that is not a PEM block of type %s without headers", kind)
	}
	return block.Bytes, rest, nil
}

// stripSpace removes white space.
func stripSpace(text []byte) []byte { return bytes.Join(bytes.Fields(text), nil) }

// Parse reads a text of one or more PEM certificates with nothing but white
// space between and around them.
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
	rest = text
	for {
		_, after, err := Next(bytes.TrimLeft(rest, " \t\r\n"), "CERTIFICATE")
		if err != nil {
			return text[:len(text)-len(rest)], rest
		}
		rest = after
	}
}

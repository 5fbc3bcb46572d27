package csr

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/bootctl/bootctl/internal/certpem"
)

// AddSANs adds subject alternative names to the template, each by its kind: DNS names,
// IP addresses, email addresses and URIs. It returns an error that matches
// ErrInvalidSAN.
func AddSANs(template *x509.CertificateRequest, names ...string) error {
	for _, name := range names {
		ip := net.ParseIP(name)
		uri, err := url.Parse(name)
		switch {
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		case strings.Contains(name, "://") && err == nil:
			template.URIs = append(template.URIs, uri)
		case strings.Contains(name, "@") && !strings.Contains(name, "://"):
			template.EmailAddresses = append(template.EmailAddresses, name)
		case ValidateNodeName(strings.TrimPrefix(name, "*.")) != nil: // host names have the same rules
			return fmt.Errorf("%q is %w", name, ErrInvalidSAN)
		default:
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return nil
}

const requestPEM = "CERTIFICATE REQUEST"

// ParseRequest parses one PKCS#10 request in PEM, with no headers and no text around it, and
// verifies that it is signed with its own key. It returns an error that matches
// ErrInvalidRequest.
func ParseRequest(text []byte) (*x509.CertificateRequest, error) {
	request, err := parseUnsigned(text)
	if err != nil {
		return nil, err
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	return request, nil
}

// parseUnsigned is ParseRequest without verifying the signature.
func parseUnsigned(text []byte) (request *x509.CertificateRequest, err error) {
	der, rest, err := certpem.Next(text, requestPEM)
	if err == nil && len(bytes.TrimSpace(rest)) > 0 {
		err = errors.New("it has data after its PEM block")
	}
	if err == nil {
		request, err = x509.ParseCertificateRequest(der)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	return request, nil
}

package csr

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
)

// ErrCertificate means that a certificate is not the requested one, or is invalid.
var ErrCertificate = errors.New("the certificate does not match the CSR")

// Expected describes what a certificate must be.
type Expected struct {
	// CommonName, Organizations and SANs must be exactly these.
	CommonName    string
	Organizations []string
	SANs          []string
	Usages        []string
	// PublicKey is the key that the certificate must have.
	PublicKey crypto.PublicKey
	// Roots are the CA certificates that may have signed it.
	Roots []*x509.Certificate
	// AnyIssuer accepts any issuer, if it is not known which CA the signer uses.
	AnyIssuer bool
	Now       time.Time
}

// Expect returns what the certificate for a CSR must be, except for Roots and Now.
func Expect(r Request) Expected {
	return Expected{
		CommonName: r.PKCS10.Subject.CommonName, Organizations: r.PKCS10.Subject.Organization,
		SANs: r.SANs(), Usages: r.Usages, PublicKey: r.PKCS10.PublicKey,
	}
}

// ExpectNode returns what a node's client certificate must be, except for PublicKey, Roots
// and Now.
func ExpectNode(nodeName string) Expected {
	subject := NodeSubject(nodeName)
	return Expected{CommonName: subject.CommonName, Organizations: subject.Organization, Usages: []string{"digital signature", "client auth"}}
}

// CheckCertificate parses the certificate that a signer issued, followed by any
// intermediate certificates, and returns it, or an error that matches ErrCertificate: it
// must have the expected key, subject, names and usages, be from a trusted CA, and be valid
// now.
func CheckCertificate(text []byte, want Expected) (*x509.Certificate, error) {
	certs, err := certpem.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	leaf := certs[0]
	sans := sanTexts(leaf.DNSNames, leaf.IPAddresses, leaf.EmailAddresses, leaf.URIs)
	problem := ""
	switch {
	case !sameKey(leaf.PublicKey, want.PublicKey):
		problem = "it is for another key"
	case leaf.Subject.CommonName != want.CommonName:
		problem = fmt.Sprintf("its common name is %q", leaf.Subject.CommonName)
	case !sameSet(leaf.Subject.Organization, want.Organizations):
		problem = fmt.Sprintf("its organizations are %q", leaf.Subject.Organization)
	case len(leaf.Subject.Names) != 1+len(want.Organizations):
		problem = fmt.Sprintf("its subject has more attributes than the CSR: %q", leaf.Subject)
	case !sameSet(sans, want.SANs):
		problem = fmt.Sprintf("its subject alternative names are %q", sans)
	case leaf.IsCA:
		problem = "it is a CA certificate"
	case slices.Contains(want.Usages, "client auth") && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		problem = "it is not for client authentication"
	case slices.Contains(want.Usages, "server auth") && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth):
		problem = "it is not for server authentication"
	case slices.Contains(want.Usages, "digital signature") && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		problem = "it is not for digital signatures"
	}
	if problem != "" {
		return nil, fmt.Errorf("%w: %s", ErrCertificate, problem)
	}
	if err := verify(certs, want); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return leaf, nil
}

func verify(certs []*x509.Certificate, want Expected) error {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	for _, root := range want.Roots {
		roots.AddCert(root)
	}
	for _, cert := range certs[1:] {
		intermediates.AddCert(cert)
	}
	if want.AnyIssuer { // it must still be valid now
		roots.AddCert(certs[0])
	}
	usage := x509.ExtKeyUsageAny
	if slices.Contains(want.Usages, "client auth") {
		usage = x509.ExtKeyUsageClientAuth
	} else if slices.Contains(want.Usages, "server auth") {
		usage = x509.ExtKeyUsageServerAuth
	}
	_, err := certs[0].Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: intermediates,
		CurrentTime:   want.Now,
		KeyUsages:     []x509.ExtKeyUsage{usage},
	})
	return err
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func sameKey(a, b crypto.PublicKey) bool {
	equal, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && equal.Equal(b)
}

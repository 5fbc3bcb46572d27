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

// ErrCertificate means that a certificate is not the one that was asked for.
var ErrCertificate = errors.New("the certificate is not what was asked for")

// Expected says what a certificate must be.
type Expected struct {
	// CommonName, Organizations and SANs are those asked for, no more and no less.
	CommonName    string
	Organizations []string
	SANs          []string
	Usages        []string
	// PublicKey is the key that it must be for.
	PublicKey crypto.PublicKey
	// Roots are the CA certificates that may have signed it.
	Roots []*x509.Certificate
	// AnyIssuer leaves it open who signed it, where nobody said which CA the
	// signer uses.
	AnyIssuer bool
	Now       time.Time
}

// Expect returns what the certificate for a request must be, apart from Roots
// and Now.
func Expect(r Request) Expected {
	return Expected{
		CommonName: r.PKCS10.Subject.CommonName, Organizations: r.PKCS10.Subject.Organization,
		SANs: r.SANs(), Usages: r.Usages, PublicKey: r.PKCS10.PublicKey,
	}
}

// ExpectNode returns what the client certificate of a node must be, apart from
// PublicKey, Roots and Now.
func ExpectNode(nodeName string) Expected {
	subject := NodeSubject(nodeName)
	return Expected{CommonName: subject.CommonName, Organizations: subject.Organization, Usages: []string{"digital signature", "client auth"}}
}

// CheckCertificate reads the certificate that a signer gave, followed by any
// intermediate ones, and returns it, or an error that matches ErrCertificate: it
// must be for our key, our subject, names and usages, from a trusted CA, and
// valid now.
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
		problem = fmt.Sprintf("there is more in its subject than was asked for: %q", leaf.Subject)
	case !sameSet(sans, want.SANs):
		problem = fmt.Sprintf("its subject alternative names are %q", sans)
	case leaf.IsCA:
		problem = "it is the certificate of a CA"
	case slices.Contains(want.Usages, "client auth") && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		problem = "it is not for client authentication"
	case slices.Contains(want.Usages, "server auth") && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth):
		problem = "it is not for server authentication"
	case slices.Contains(want.Usages, "digital signature") && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		problem = "it may not sign"
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
	if want.AnyIssuer { // valid now it must be all the same
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

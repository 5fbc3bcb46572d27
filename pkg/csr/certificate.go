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

// Expected says what the certificate of a node must be.
type Expected struct {
	NodeName string
	Key      crypto.Signer
	// Roots are the CA certificates that may have signed it.
	Roots []*x509.Certificate
	Now   time.Time
}

// CheckCertificate reads the certificate that a signer gave to a node, followed
// by any intermediate ones, and returns it, or an error that matches
// ErrCertificate: it must be for our key, our subject and client
// authentication, from a trusted CA, and valid now.
func CheckCertificate(text []byte, want Expected) (*x509.Certificate, error) {
	certs, err := certpem.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	leaf := certs[0]
	problem := ""
	switch {
	case !sameKey(leaf.PublicKey, want.Key):
		problem = "it is for another key"
	case leaf.Subject.CommonName != NodeUserPrefix+want.NodeName || !slices.Equal(leaf.Subject.Organization, []string{NodesGroup}) || len(leaf.Subject.Names) != 2:
		problem = fmt.Sprintf("it is for %q", leaf.Subject)
	case len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.EmailAddresses)+len(leaf.URIs) > 0:
		problem = "it has subject alternative names"
	case leaf.IsCA:
		problem = "it is the certificate of a CA"
	case !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		problem = "it is not for client authentication"
	case leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
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
	_, err := certs[0].Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: intermediates,
		CurrentTime:   want.Now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

func sameKey(public any, key crypto.Signer) bool {
	equal, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && equal.Equal(public)
}

package csr_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestCheckCertificate(t *testing.T) {
	key, roots, otherCA := testcsr.NewKey(t), testcsr.NewCA(t), testcsr.NewCA(t)
	good := roots.IssueNode(t, key)
	changed := func(change func(*x509.Certificate)) []byte { return roots.IssueNode(t, key, change) }
	intermediateKey := testcsr.NewKey(t)
	intermediate := testcsr.CA{CA: testca.CA{Key: intermediateKey}}
	intermediateText := roots.IssueNode(t, intermediateKey, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage = "intermediate", true, x509.KeyUsageCertSign
	})
	intermediate.Certificate = testcsr.ParseCertificate(t, intermediateText)
	tests := []struct {
		name    string
		text    []byte
		wantErr error
	}{
		{"valid", good, nil},
		{"signed by an intermediate CA", append(intermediate.IssueNode(t, key), intermediateText...), nil},
		{"followed by the root", append(bytes.Clone(good), testcsr.Block("CERTIFICATE", nil, roots.Raw)...), nil},
		{"empty", nil, csr.ErrCertificate},
		{"other key", roots.IssueNode(t, testcsr.NewKey(t)), csr.ErrCertificate},
		{"other CN", changed(func(c *x509.Certificate) { c.Subject.CommonName = "system:node:worker-2" }), csr.ErrCertificate},
		{"other O", changed(func(c *x509.Certificate) { c.Subject.Organization = []string{"system:masters"} }), csr.ErrCertificate},
		{"no O", changed(func(c *x509.Certificate) { c.Subject.Organization = nil }), csr.ErrCertificate},
		{"second O", changed(func(c *x509.Certificate) { c.Subject.Organization = append(c.Subject.Organization, "x") }), csr.ErrCertificate},
		{"OU", changed(func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{"x"} }), csr.ErrCertificate},
		{"second CN", changed(func(c *x509.Certificate) {
			cn := pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "system:node:" + testcsr.NodeName}
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{cn, cn, {Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "system:nodes"}}
		}), csr.ErrCertificate},
		{"DNS name", changed(func(c *x509.Certificate) { c.DNSNames = []string{"a"} }), csr.ErrCertificate},
		{"IP address", changed(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }), csr.ErrCertificate},
		{"email", changed(func(c *x509.Certificate) { c.EmailAddresses = []string{"a@b"} }), csr.ErrCertificate},
		{"URI", changed(func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "spiffe", Host: "a"}} }), csr.ErrCertificate},
		{"CA:TRUE", changed(func(c *x509.Certificate) { c.IsCA = true }), csr.ErrCertificate},
		{"no client authentication", changed(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), csr.ErrCertificate},
		{"any extended usage", changed(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), csr.ErrCertificate},
		{"no extended usage", changed(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), csr.ErrCertificate},
		{"no digital signature", changed(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), csr.ErrCertificate},
		{"other CA", otherCA.IssueNode(t, key), csr.ErrCertificate},
		{"other CA, included", append(otherCA.IssueNode(t, key), testcsr.Block("CERTIFICATE", nil, otherCA.Raw)...), csr.ErrCertificate},
		{"not yet valid", changed(func(c *x509.Certificate) { c.NotBefore = testcsr.Now.Add(time.Minute) }), csr.ErrCertificate},
		{"expired", changed(func(c *x509.Certificate) { c.NotAfter = testcsr.Now.Add(-time.Minute) }), csr.ErrCertificate},
		{"followed by a private key", append(bytes.Clone(good), testcsr.Block("PRIVATE KEY", nil, []byte("x"))...), csr.ErrCertificate},
		{"followed by garbage", append(bytes.Clone(good), "garbage\n"...), csr.ErrCertificate},
		{"preceded by garbage", append([]byte("garbage\n"), good...), csr.ErrCertificate},
		{"preceded by a malformed block", append([]byte("-----BEGIN X-----\n*\n"), good...), csr.ErrCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := testcsr.Expected(key, roots.Certificate)
			cert, err := csr.CheckCertificate(test.text, want)
			testcsr.WantError(t, err, test.wantErr)
			if (cert == nil) != (test.wantErr != nil) {
				t.Errorf("certificate = %v", cert)
			}
		})
	}
}

func TestCheckCertificate_NoSystemRoots(t *testing.T) {
	key := testcsr.NewKey(t)
	_, err := csr.CheckCertificate(testcsr.NewCA(t).IssueNode(t, key), testcsr.Expected(key))
	testcsr.WantError(t, err, csr.ErrCertificate)
}

// Serving certificates, client certificates, and certificates from an unspecified CA.
func TestCheckCertificate_Request(t *testing.T) {
	key, root := testcsr.NewKey(t), testcsr.NewCA(t)
	r := csr.Decode(testcsr.Serving(t, key))
	names := func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{testcsr.NodeName}, []net.IP{net.IPv4(10, 0, 0, 1)}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	tests := []struct {
		name      string
		text      []byte
		anyIssuer bool
		wantErr   error
	}{
		{"as requested", root.IssueNode(t, key, names), false, nil},
		{"without the address", root.IssueNode(t, key, names, func(c *x509.Certificate) { c.IPAddresses = nil }), false, csr.ErrCertificate},
		{"for clients", root.IssueNode(t, key, names, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), true, csr.ErrCertificate},
		{"for anything", root.IssueNode(t, key, names, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), false, csr.ErrCertificate},
		{"other CA", testcsr.NewCA(t).IssueNode(t, key, names), false, csr.ErrCertificate},
		{"any CA", testcsr.NewCA(t).IssueNode(t, key, names), true, nil},
		{"any CA, expired", testcsr.NewCA(t).IssueNode(t, key, names, func(c *x509.Certificate) { c.NotAfter = testcsr.Now.Add(-time.Minute) }), true, csr.ErrCertificate},
		{"any CA, other key", testcsr.NewCA(t).IssueNode(t, testcsr.NewKey(t), names), true, csr.ErrCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := csr.Expect(r)
			want.Roots, want.AnyIssuer, want.Now = []*x509.Certificate{root.Certificate}, test.anyIssuer, testcsr.Now
			_, err := csr.CheckCertificate(test.text, want)
			testcsr.WantError(t, err, test.wantErr)
		})
	}
}

package csr_test

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
)

// An intermediate certificate must be a CA's, valid, and allowed to sign for clients.
func TestCheckCertificate_Chain(t *testing.T) {
	key, root := testcsr.NewKey(t), testcsr.NewCA(t)
	middleKey := testcsr.NewKey(t)
	chain := func(changes ...func(*x509.Certificate)) []byte {
		asCA := func(c *x509.Certificate) {
			c.Subject.CommonName, c.IsCA, c.KeyUsage, c.ExtKeyUsage = "intermediate", true, x509.KeyUsageCertSign, nil
		}
		text := root.IssueNode(t, middleKey, append([]func(*x509.Certificate){asCA}, changes...)...)
		middle := testcsr.CA{CA: testca.CA{Certificate: testcsr.ParseCertificate(t, text), Key: middleKey}}
		return append(middle.IssueNode(t, key), text...)
	}
	good := chain()
	leafEnd := bytes.Index(good, []byte("-----END CERTIFICATE-----\n")) + len("-----END CERTIFICATE-----\n")
	tests := []struct {
		name    string
		text    []byte
		wantErr error
	}{
		{"valid", good, nil},
		{"for clients", chain(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), nil},
		{"no intermediate", good[:leafEnd], csr.ErrCertificate},
		{"intermediate first", append(bytes.Clone(good[leafEnd:]), good[:leafEnd]...), csr.ErrCertificate},
		{"not a CA", chain(func(c *x509.Certificate) { c.IsCA = false }), csr.ErrCertificate},
		{"for servers", chain(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), csr.ErrCertificate},
		{"expired", chain(func(c *x509.Certificate) { c.NotAfter = testcsr.Now.Add(-time.Second) }), csr.ErrCertificate},
		{"not yet valid", chain(func(c *x509.Certificate) { c.NotBefore = testcsr.Now.Add(time.Second) }), csr.ErrCertificate},
		{"garbage between", bytes.Replace(good, []byte("-----\n-----"), []byte("-----\nx\n-----"), 1), csr.ErrCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := testcsr.Expected(key, root.Certificate)
			cert, err := csr.CheckCertificate(test.text, want)
			testcsr.WantError(t, err, test.wantErr)
			if test.wantErr == nil && (cert == nil || cert.Subject.CommonName != "system:node:"+testcsr.NodeName) {
				t.Errorf("certificate = %v, want the node's", cert)
			}
		})
	}
}

// The same certificate is checked against different expectations: the key, the name, the
// roots and the time.
func TestCheckCertificate_OtherExpectations(t *testing.T) {
	key, root := testcsr.NewKey(t), testcsr.NewCA(t)
	text := root.IssueNode(t, key)
	tests := []struct {
		name    string
		change  func(*csr.Expected)
		wantErr error
	}{
		{"as requested", func(*csr.Expected) {}, nil},
		{"one of two roots", func(e *csr.Expected) { e.Roots = append([]*x509.Certificate{testcsr.NewCA(t).Certificate}, e.Roots...) }, nil},
		{"first moment", func(e *csr.Expected) { e.Now = testcsr.Now.Add(-time.Hour) }, nil},
		{"last moment", func(e *csr.Expected) { e.Now = testcsr.Now.Add(time.Hour) }, nil},
		{"too early", func(e *csr.Expected) { e.Now = testcsr.Now.Add(-time.Hour - time.Second) }, csr.ErrCertificate},
		{"too late", func(e *csr.Expected) { e.Now = testcsr.Now.Add(time.Hour + time.Second) }, csr.ErrCertificate},
		{"other key", func(e *csr.Expected) { e.PublicKey = testcsr.NewKey(t).Public() }, csr.ErrCertificate},
		{"other node", func(e *csr.Expected) { e.CommonName = "system:node:worker-2" }, csr.ErrCertificate},
		{"name that is a prefix", func(e *csr.Expected) { e.CommonName = "system:node:worker" }, csr.ErrCertificate},
		{"other root", func(e *csr.Expected) { e.Roots = []*x509.Certificate{testcsr.NewCA(t).Certificate} }, csr.ErrCertificate},
		{"no root", func(e *csr.Expected) { e.Roots = nil }, csr.ErrCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := testcsr.Expected(key, root.Certificate)
			test.change(&want)
			_, err := csr.CheckCertificate(text, want)
			testcsr.WantError(t, err, test.wantErr)
		})
	}
}

package csr_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestPredict(t *testing.T) {
	key := testcsr.NewKey(t)
	tests := []struct {
		name   string
		change func(*testcsr.Object)
		want   csr.Outcome
	}{
		{"a node", func(*testcsr.Object) {}, csr.OutcomeIssued},
		{"text around", func(o *testcsr.Object) { o.Spec.Request = append([]byte("text\n"), o.Spec.Request...) }, csr.OutcomeIssued},
		{"invalid", func(o *testcsr.Object) { o.Spec.Request = []byte("x") }, csr.OutcomeFailed},
		{"other O", testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.Subject.Organization = nil }), csr.OutcomeFailed},
		{"other CN", testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.Subject.CommonName = "a" }), csr.OutcomeFailed},
		{"a name", testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames = []string{"a"} }), csr.OutcomeFailed},
		{"no client auth", testcsr.Usages("digital signature"), csr.OutcomeFailed},
		{"usage twice", testcsr.Usages("digital signature", "client auth", "client auth"), csr.OutcomeIssued},
		{"unknown signer of Kubernetes", testcsr.Signer("kubernetes.io/x"), csr.OutcomeNeverSigned},
		{"external signer", testcsr.Signer("example.com/x"), csr.OutcomeUnknown},
		{"clients", testcsr.Signer(csr.APIServerClient), csr.OutcomeIssued},
		{"clients, server auth", func(o *testcsr.Object) {
			testcsr.Signer(csr.APIServerClient)(o)
			testcsr.Usages("client auth", "server auth")(o)
		}, csr.OutcomeFailed},
		{"clients, no client auth", func(o *testcsr.Object) {
			testcsr.Signer(csr.APIServerClient)(o)
			testcsr.Usages("digital signature")(o)
		}, csr.OutcomeFailed},
		{"servers without a name", func(o *testcsr.Object) {
			testcsr.Signer(csr.KubeletServing)(o)
			testcsr.Usages("digital signature", "server auth")(o)
		}, csr.OutcomeFailed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			outcome, reason := csr.Predict(csr.Decode(testcsr.Stored(t, key, test.change)))
			if outcome != test.want || (reason == "") != (outcome == csr.OutcomeIssued) {
				t.Errorf("Predict = %s, %q, want %s", outcome, reason, test.want)
			}
		})
	}
	for name, change := range map[string]func(*testcsr.Object){
		"unchanged": func(*testcsr.Object) {}, "email": testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames, r.EmailAddresses = []string{"a"}, []string{"a@b"} }),
		"client auth": testcsr.Usages("digital signature", "client auth"), "other O": testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames, r.Subject.Organization = []string{"a"}, nil }),
		"other CN": testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames, r.Subject.CommonName = []string{"a"}, "a" }),
	} {
		outcome, reason := csr.Predict(csr.Decode(testcsr.Serving(t, key, change)))
		if (outcome == csr.OutcomeIssued) != (name == "unchanged") {
			t.Errorf("servers, %s: Predict = %s, %q", name, outcome, reason)
		}
	}
}

func TestNewRequest(t *testing.T) {
	key := testcsr.NewKey(t)
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	subject := func(cn string, orgs ...string) x509.CertificateRequest {
		return x509.CertificateRequest{Subject: pkix.Name{CommonName: cn, Organization: orgs}}
	}
	named := subject("system:node:a", "system:nodes")
	named.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)}
	clientAuth := []certificatesv1.KeyUsage{"client auth"}
	tests := []struct {
		name       string
		wanted     csr.RequestSpec
		key        crypto.Signer
		wantSigner string
		wantErr    error
	}{
		{"a node", csr.RequestSpec{Template: subject("system:node:a", "system:nodes")}, key, csr.KubeletClient, nil},
		{"a node's server", csr.RequestSpec{Template: named}, rsaKey, csr.KubeletServing, nil},
		{"a person", csr.RequestSpec{Template: subject("jane", "dev")}, key, csr.APIServerClient, nil},
		{"a day", csr.RequestSpec{Template: subject("jane"), Expiration: 24 * time.Hour}, key, csr.APIServerClient, nil},
		{"another signer", csr.RequestSpec{Template: subject("a"), SignerName: "example.com/x", Usages: clientAuth}, key, "example.com/x", nil},
		{"another signer, no usages", csr.RequestSpec{Template: subject("a"), SignerName: "example.com/x"}, key, "", csr.ErrUnfit},
		{"unknown signer of Kubernetes", csr.RequestSpec{Template: subject("a"), SignerName: "kubernetes.io/x", Usages: clientAuth}, key, "", csr.ErrUnfit},
		{"legacy-unknown", csr.RequestSpec{Template: subject("a"), SignerName: "kubernetes.io/legacy-unknown", Usages: clientAuth}, key, "", csr.ErrUnfit},
		{"signer without a domain", csr.RequestSpec{Template: subject("a"), SignerName: "x/y", Usages: clientAuth}, key, "", csr.ErrUnfit},
		{"signer without a path", csr.RequestSpec{Template: subject("a"), SignerName: "example.com", Usages: clientAuth}, key, "", csr.ErrUnfit},
		{"unknown usage", csr.RequestSpec{Template: subject("a"), Usages: []certificatesv1.KeyUsage{"client auth", "x"}}, key, "", csr.ErrUnfit},
		{"usage twice", csr.RequestSpec{Template: subject("a"), Usages: append(clientAuth, clientAuth...)}, key, "", csr.ErrUnfit},
		{"system:masters", csr.RequestSpec{Template: subject("jane", "system:masters")}, key, "", csr.ErrUnfit},
		{"nine minutes", csr.RequestSpec{Template: subject("jane"), Expiration: 9 * time.Minute}, key, "", csr.ErrUnfit},
		{"negative", csr.RequestSpec{Template: subject("jane"), Expiration: -time.Hour}, key, "", csr.ErrUnfit},
		{"half a second", csr.RequestSpec{Template: subject("jane"), Expiration: time.Hour + time.Second/2}, key, "", csr.ErrUnfit},
		{"a century", csr.RequestSpec{Template: subject("jane"), Expiration: 100 * 365 * 24 * time.Hour}, key, "", csr.ErrUnfit},
		{"node with another O", csr.RequestSpec{Template: subject("system:node:a", "x")}, key, "", csr.ErrUnfit},
		{"invalid node name", csr.RequestSpec{Template: subject("system:node:A", "system:nodes")}, key, "", csr.ErrInvalidNodeName},
		{"weak key", csr.RequestSpec{Template: subject("jane")}, weak, "", csr.ErrUnfit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			object, err := csr.NewRequest(test.wanted, test.key, rand.Reader)
			testcsr.WantError(t, err, test.wantErr)
			if err != nil {
				return
			}
			r := csr.Decode(object)
			if outcome, reason := csr.Predict(r); r.SignerName != test.wantSigner || outcome == csr.OutcomeFailed {
				t.Errorf("for %s, which %s: %s", r.SignerName, outcome, reason)
			}
			if time.Duration(r.ExpirationSeconds)*time.Second != test.wanted.Expiration {
				t.Errorf("expiration of %d seconds", r.ExpirationSeconds)
			}
			if strings.HasPrefix(r.Name, "node-csr-") != (r.SignerName == csr.KubeletClient) {
				t.Errorf("name = %s", r.Name)
			}
		})
	}
}

func TestFromPKCS10(t *testing.T) {
	_, err := csr.FromPKCS10([]byte("x"), csr.RequestSpec{})
	testcsr.WantError(t, err, csr.ErrInvalidRequest)
	text := testcsr.PKCS10(t, testcsr.NewKey(t))
	object, err := csr.FromPKCS10(text, csr.RequestSpec{})
	if err != nil || !slices.Equal(object.Spec.Request, text) || object.Spec.SignerName != csr.KubeletClient {
		t.Errorf("FromPKCS10 = %v, %v", object, err)
	}
}

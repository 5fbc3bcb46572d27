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

	"github.com/bootctl/bootctl/pkg/csr"
)

func TestPredict(t *testing.T) {
	key := newKey(t)
	tests := []struct {
		name   string
		change func(*object)
		want   csr.Outcome
	}{
		{"a node", func(*object) {}, csr.OutcomeIssued},
		{"text around", func(o *object) { o.Spec.Request = append([]byte("text\n"), o.Spec.Request...) }, csr.OutcomeIssued},
		{"junk", func(o *object) { o.Spec.Request = []byte("x") }, csr.OutcomeFailed},
		{"other O", asks(t, key, func(r *x509.CertificateRequest) { r.Subject.Organization = nil }), csr.OutcomeFailed},
		{"other CN", asks(t, key, func(r *x509.CertificateRequest) { r.Subject.CommonName = "a" }), csr.OutcomeFailed},
		{"a name", asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames = []string{"a"} }), csr.OutcomeFailed},
		{"no client auth", usages("digital signature"), csr.OutcomeFailed},
		{"usage twice", usages("digital signature", "client auth", "client auth"), csr.OutcomeIssued},
		{"no signer of Kubernetes", signer("kubernetes.io/x"), csr.OutcomeUnsigned},
		{"another's signer", signer("example.com/x"), csr.OutcomeUnknown},
		{"clients", signer(csr.APIServerClient), csr.OutcomeIssued},
		{"clients, server auth", func(o *object) { signer(csr.APIServerClient)(o); usages("client auth", "server auth")(o) }, csr.OutcomeFailed},
		{"clients, no client auth", func(o *object) { signer(csr.APIServerClient)(o); usages("digital signature")(o) }, csr.OutcomeFailed},
		{"servers without a name", func(o *object) { signer(csr.KubeletServing)(o); usages("digital signature", "server auth")(o) }, csr.OutcomeFailed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			outcome, reason := csr.Predict(csr.Decode(stored(t, key, test.change)))
			if outcome != test.want || (reason == "") != (outcome == csr.OutcomeIssued) {
				t.Errorf("Predict = %s, %q, want %s", outcome, reason, test.want)
			}
		})
	}
	for name, change := range map[string]func(*object){
		"as it is": func(*object) {}, "email": asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames, r.EmailAddresses = []string{"a"}, []string{"a@b"} }),
		"client auth": usages("digital signature", "client auth"), "other O": asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames, r.Subject.Organization = []string{"a"}, nil }),
		"other CN": asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames, r.Subject.CommonName = []string{"a"}, "a" }),
	} {
		outcome, reason := csr.Predict(csr.Decode(serving(t, key, change)))
		if (outcome == csr.OutcomeIssued) != (name == "as it is") {
			t.Errorf("servers, %s: Predict = %s, %q", name, outcome, reason)
		}
	}
}

func TestNewRequest(t *testing.T) {
	key := newKey(t)
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
		wanted     csr.Wanted
		key        crypto.Signer
		wantSigner string
		wantErr    error
	}{
		{"a node", csr.Wanted{Template: subject("system:node:a", "system:nodes")}, key, csr.KubeletClient, nil},
		{"a node's server", csr.Wanted{Template: named}, rsaKey, csr.KubeletServing, nil},
		{"a person", csr.Wanted{Template: subject("jane", "dev")}, key, csr.APIServerClient, nil},
		{"a day", csr.Wanted{Template: subject("jane"), Expiration: 24 * time.Hour}, key, csr.APIServerClient, nil},
		{"another signer", csr.Wanted{Template: subject("a"), SignerName: "example.com/x", Usages: clientAuth}, key, "example.com/x", nil},
		{"another signer, no usages", csr.Wanted{Template: subject("a"), SignerName: "example.com/x"}, key, "", csr.ErrUnfit},
		{"no signer of Kubernetes", csr.Wanted{Template: subject("a"), SignerName: "kubernetes.io/x", Usages: clientAuth}, key, "", csr.ErrUnfit},
		{"legacy-unknown", csr.Wanted{Template: subject("a"), SignerName: "kubernetes.io/legacy-unknown", Usages: clientAuth}, key, "", csr.ErrUnfit},
		{"signer without a domain", csr.Wanted{Template: subject("a"), SignerName: "x/y", Usages: clientAuth}, key, "", csr.ErrUnfit},
		{"signer without a path", csr.Wanted{Template: subject("a"), SignerName: "example.com", Usages: clientAuth}, key, "", csr.ErrUnfit},
		{"unknown usage", csr.Wanted{Template: subject("a"), Usages: []certificatesv1.KeyUsage{"client auth", "x"}}, key, "", csr.ErrUnfit},
		{"usage twice", csr.Wanted{Template: subject("a"), Usages: append(clientAuth, clientAuth...)}, key, "", csr.ErrUnfit},
		{"system:masters", csr.Wanted{Template: subject("jane", "system:masters")}, key, "", csr.ErrUnfit},
		{"nine minutes", csr.Wanted{Template: subject("jane"), Expiration: 9 * time.Minute}, key, "", csr.ErrUnfit},
		{"negative", csr.Wanted{Template: subject("jane"), Expiration: -time.Hour}, key, "", csr.ErrUnfit},
		{"half a second", csr.Wanted{Template: subject("jane"), Expiration: time.Hour + time.Second/2}, key, "", csr.ErrUnfit},
		{"a century", csr.Wanted{Template: subject("jane"), Expiration: 100 * 365 * 24 * time.Hour}, key, "", csr.ErrUnfit},
		{"node of another O", csr.Wanted{Template: subject("system:node:a", "x")}, key, "", csr.ErrUnfit},
		{"name of no node", csr.Wanted{Template: subject("system:node:A", "system:nodes")}, key, "", csr.ErrInvalidNodeName},
		{"weak key", csr.Wanted{Template: subject("jane")}, weak, "", csr.ErrUnfit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			object, err := csr.NewRequest(test.wanted, test.key, rand.Reader)
			wantError(t, err, test.wantErr)
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
	_, err := csr.FromPKCS10([]byte("x"), csr.Wanted{})
	wantError(t, err, csr.ErrInvalidRequest)
	text := pkcs10(t, newKey(t))
	object, err := csr.FromPKCS10(text, csr.Wanted{})
	if err != nil || !slices.Equal(object.Spec.Request, text) || object.Spec.SignerName != csr.KubeletClient {
		t.Errorf("FromPKCS10 = %v, %v", object, err)
	}
}

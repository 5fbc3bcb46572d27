package approval_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"net/url"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestCheck_Accepts(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	self := func(o *testcsr.Object) {
		o.Spec.Username, o.Spec.Groups = "system:node:"+testcsr.NodeName, []string{"system:nodes"}
	}
	tests := []struct {
		name   string
		key    crypto.Signer
		change func(*testcsr.Object)
		facts  approval.Facts
	}{
		{"a new node", testcsr.NewKey(t), func(*testcsr.Object) {}, approval.Facts{}},
		{"usages in another order", testcsr.NewKey(t), testcsr.Usages("client auth", "digital signature"), approval.Facts{}},
		{"key encipherment", rsaKey, testcsr.Usages("digital signature", "key encipherment", "client auth"), approval.Facts{}},
		{"Ed25519", edKey, func(*testcsr.Object) {}, approval.Facts{}},
		{"the node itself", testcsr.NewKey(t), self, approval.Facts{}},
		{"the node itself, which exists", testcsr.NewKey(t), self, approval.Facts{NodeExists: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			results := approval.Check(csr.Decode(testcsr.Stored(t, test.key, test.change)), test.facts)
			if violations := approval.Violations(results); len(violations) != 0 || len(results) != 14 {
				t.Errorf("%d results, violations %v", len(results), violations)
			}
		})
	}
}

func TestCheck_Refuses(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	smallRSA, err := rsa.GenerateKey(rand.Reader, 2047)
	if err != nil {
		t.Fatal(err)
	}
	key := testcsr.NewKey(t)
	request := func(key crypto.Signer, change func(*x509.CertificateRequest)) func(*testcsr.Object) {
		return func(o *testcsr.Object) { o.Spec.Request = testcsr.PKCS10(t, key, change) }
	}
	subject := func(change func(*pkix.Name)) func(*testcsr.Object) {
		return request(key, func(r *x509.CertificateRequest) { change(&r.Subject) })
	}
	names := func(change func(*x509.CertificateRequest)) func(*testcsr.Object) { return request(key, change) }
	by := func(user string, groups ...string) func(*testcsr.Object) {
		return func(o *testcsr.Object) { o.Spec.Username, o.Spec.Groups = user, groups }
	}
	exists := approval.Facts{NodeExists: true}
	tests := []struct {
		name   string
		change func(*testcsr.Object)
		facts  approval.Facts
		want   string // the violated rules
	}{
		{"not a PKCS#10 request", func(o *testcsr.Object) { o.Spec.Request = []byte("x") }, approval.Facts{}, "readable"},
		{"two PKCS#10 requests", func(o *testcsr.Object) { o.Spec.Request = append(o.Spec.Request, o.Spec.Request...) }, approval.Facts{}, "readable"},
		{"approved", testcsr.With(certificatesv1.CertificateApproved), approval.Facts{}, "pending"},
		{"denied", testcsr.With(certificatesv1.CertificateDenied), approval.Facts{}, "pending"},
		{"failed", testcsr.With(certificatesv1.CertificateFailed), approval.Facts{}, "pending"},
		{"issued", testcsr.Issued("x"), approval.Facts{}, "pending"},
		{"serving signer", testcsr.Signer("kubernetes.io/kubelet-serving"), approval.Facts{}, "signer,addresses of the node,usages,requester,known node"},
		{"client signer", testcsr.Signer("kubernetes.io/kube-apiserver-client"), approval.Facts{}, "signer,not privileged,requester"},
		{"no O", subject(func(n *pkix.Name) { n.Organization = nil }), approval.Facts{}, "subject"},
		{"other O", subject(func(n *pkix.Name) { n.Organization = []string{"system:masters"} }), approval.Facts{}, "not privileged,subject"},
		{"second O", subject(func(n *pkix.Name) { n.Organization = append(n.Organization, "system:masters") }), approval.Facts{}, "not privileged,subject"},
		{"OU", subject(func(n *pkix.Name) { n.OrganizationalUnit = []string{"x"} }), approval.Facts{}, "well-formed,subject"},
		{"second CN", subject(func(n *pkix.Name) {
			n.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "system:node:worker-1"}}
			n.ExtraNames = append(n.ExtraNames, n.ExtraNames[0], pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "system:nodes"})
		}), approval.Facts{}, "subject"},
		{"CN without a node name", subject(func(n *pkix.Name) { n.CommonName = "worker-1" }), approval.Facts{}, "subject,node name"},
		{"node without a name", subject(func(n *pkix.Name) { n.CommonName = "system:node:" }), approval.Facts{}, "node name"},
		{"node name in upper case", subject(func(n *pkix.Name) { n.CommonName = "system:node:Worker" }), approval.Facts{}, "node name"},
		{"node name with a line feed", subject(func(n *pkix.Name) { n.CommonName = "system:node:a\nb" }), approval.Facts{}, "node name"},
		{"DNS name", names(func(r *x509.CertificateRequest) { r.DNSNames = []string{"a"} }), approval.Facts{}, "no extensions"},
		{"IP address", names(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }), approval.Facts{}, "no extensions"},
		{"email", names(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@b"} }), approval.Facts{}, "no extensions"},
		{"URI", names(func(r *x509.CertificateRequest) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "a"}} }), approval.Facts{}, "no extensions"},
		{"another extension", names(func(r *x509.CertificateRequest) {
			r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}}}
		}), approval.Facts{}, "well-formed,no extensions"},
		{"no usage", testcsr.Usages(), approval.Facts{}, "usages"},
		{"no client auth", testcsr.Usages("digital signature"), approval.Facts{}, "usages"},
		{"no digital signature", testcsr.Usages("client auth"), approval.Facts{}, "usages"},
		{"server auth instead of client auth", testcsr.Usages("digital signature", "server auth"), approval.Facts{}, "usages"},
		{"server auth and client auth", testcsr.Usages("digital signature", "client auth", "server auth"), approval.Facts{}, "usages"},
		{"cert sign", testcsr.Usages("digital signature", "client auth", "cert sign"), approval.Facts{}, "usages"},
		{"any", testcsr.Usages("digital signature", "client auth", "any"), approval.Facts{}, "usages"},
		{"usage twice", testcsr.Usages("digital signature", "client auth", "client auth"), approval.Facts{}, "usages"},
		{"P-224", request(p224, func(*x509.CertificateRequest) {}), approval.Facts{}, "key"},
		{"RSA 2047", request(smallRSA, func(*x509.CertificateRequest) {}), approval.Facts{}, "key"},
		{"a person", by("alice", "system:bootstrappers"), approval.Facts{}, "requester"},
		{"another node", by("system:node:worker-2", "system:nodes"), approval.Facts{}, "requester"},
		{"only the group of a bootstrapper", by("system:bootstrap", "system:bootstrappers"), approval.Facts{}, "requester"},
		{"only the name of a bootstrapper", by(testcsr.Bootstrap, "system:authenticated"), approval.Facts{}, "requester"},
		{"only the group of a token", by(testcsr.Bootstrap, "system:bootstrappers:a"), approval.Facts{}, "requester"},
		{"the node exists", func(*testcsr.Object) {}, exists, "new node"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			results := approval.Check(csr.Decode(testcsr.Stored(t, key, test.change)), test.facts)
			var rules []string
			for _, refusal := range approval.Violations(results) {
				rules = append(rules, refusal.Rule)
			}
			if got := strings.Join(rules, ","); got != test.want {
				t.Errorf("violations %q, want %q", got, test.want)
			}
		})
	}
}

// The error names each violated rule and what was found.
func TestPolicyViolationError(t *testing.T) {
	key := testcsr.NewKey(t)
	results := approval.Check(csr.Decode(testcsr.Stored(t, key, testcsr.Signer("example.com/x"), func(o *testcsr.Object) {
		o.Spec.Request = testcsr.PKCS10(t, key, func(r *x509.CertificateRequest) {
			r.Subject = pkix.Name{CommonName: "system:node:worker-1", Organization: []string{"system:masters"}}
		})
	})), approval.Facts{})
	err := &approval.PolicyViolationError{Name: "node-csr-1", Violations: approval.Violations(results)}
	want := "CSR node-csr-1 violates the approval policy: signer (example.com/x); not privileged (system:masters is reserved for Kubernetes or its administrators)"
	if got := err.Error(); got != want {
		t.Errorf("error = %s\nwant %s", got, want)
	}
}

// The results are in a fixed order, from the CSR to the requester.
func TestCheck_Order(t *testing.T) {
	var rules []string
	for _, result := range approval.Check(csr.Decode(testcsr.Stored(t, testcsr.NewKey(t))), approval.Facts{}) {
		rules = append(rules, result.Rule)
	}
	want := "readable, pending, signer, well-formed, signed with its key, not privileged, key, lifetime, subject, node name, no extensions, usages, requester, new node"
	if got := strings.Join(rules, ", "); got != want {
		t.Errorf("rules = %s\nwant %s", got, want)
	}
}

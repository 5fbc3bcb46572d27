package csr_test

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

	"github.com/bootctl/bootctl/pkg/csr"
)

func TestCheckAccepts(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	self := func(o *object) { o.Spec.Username, o.Spec.Groups = "system:node:"+nodeName, []string{"system:nodes"} }
	tests := []struct {
		name   string
		key    crypto.Signer
		change func(*object)
		facts  csr.Facts
	}{
		{"a new node", newKey(t), func(*object) {}, csr.Facts{}},
		{"usages in another order", newKey(t), usages("client auth", "digital signature"), csr.Facts{}},
		{"key encipherment", rsaKey, usages("digital signature", "key encipherment", "client auth"), csr.Facts{}},
		{"Ed25519", edKey, func(*object) {}, csr.Facts{}},
		{"the node itself", newKey(t), self, csr.Facts{}},
		{"the node itself, which exists", newKey(t), self, csr.Facts{NodeExists: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			verdicts := csr.Check(csr.Decode(stored(t, test.key, test.change)), test.facts)
			if refusals := csr.Refusals(verdicts); len(refusals) != 0 || len(verdicts) != 13 {
				t.Errorf("%d verdicts, refused by %v", len(verdicts), refusals)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	smallRSA, err := rsa.GenerateKey(rand.Reader, 2047)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	request := func(key crypto.Signer, change func(*x509.CertificateRequest)) func(*object) {
		return func(o *object) { o.Spec.Request = pkcs10(t, key, change) }
	}
	subject := func(change func(*pkix.Name)) func(*object) {
		return request(key, func(r *x509.CertificateRequest) { change(&r.Subject) })
	}
	names := func(change func(*x509.CertificateRequest)) func(*object) { return request(key, change) }
	by := func(user string, groups ...string) func(*object) {
		return func(o *object) { o.Spec.Username, o.Spec.Groups = user, groups }
	}
	exists := csr.Facts{NodeExists: true}
	tests := []struct {
		name   string
		change func(*object)
		facts  csr.Facts
		want   string // the rules that refuse
	}{
		{"not a request", func(o *object) { o.Spec.Request = []byte("x") }, csr.Facts{}, "readable"},
		{"two requests", func(o *object) { o.Spec.Request = append(o.Spec.Request, o.Spec.Request...) }, csr.Facts{}, "readable"},
		{"approved", with(certificatesv1.CertificateApproved), csr.Facts{}, "pending"},
		{"denied", with(certificatesv1.CertificateDenied), csr.Facts{}, "pending"},
		{"failed", with(certificatesv1.CertificateFailed), csr.Facts{}, "pending"},
		{"issued", issued("x"), csr.Facts{}, "pending"},
		{"signer of servers", signer("kubernetes.io/kubelet-serving"), csr.Facts{}, "signer,no other extensions,addresses of the node,usages,requester,known node"},
		{"signer of clients", signer("kubernetes.io/kube-apiserver-client"), csr.Facts{}, "signer,not privileged"},
		{"no O", subject(func(n *pkix.Name) { n.Organization = nil }), csr.Facts{}, "subject"},
		{"other O", subject(func(n *pkix.Name) { n.Organization = []string{"system:masters"} }), csr.Facts{}, "not privileged,subject"},
		{"second O", subject(func(n *pkix.Name) { n.Organization = append(n.Organization, "system:masters") }), csr.Facts{}, "not privileged,subject"},
		{"OU", subject(func(n *pkix.Name) { n.OrganizationalUnit = []string{"x"} }), csr.Facts{}, "subject"},
		{"second CN", subject(func(n *pkix.Name) {
			n.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "system:node:worker-1"}}
			n.ExtraNames = append(n.ExtraNames, n.ExtraNames[0], pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "system:nodes"})
		}), csr.Facts{}, "subject"},
		{"CN of no node", subject(func(n *pkix.Name) { n.CommonName = "worker-1" }), csr.Facts{}, "subject,node name"},
		{"node without a name", subject(func(n *pkix.Name) { n.CommonName = "system:node:" }), csr.Facts{}, "node name"},
		{"node name in upper case", subject(func(n *pkix.Name) { n.CommonName = "system:node:Worker" }), csr.Facts{}, "node name"},
		{"node name with a line feed", subject(func(n *pkix.Name) { n.CommonName = "system:node:a\nb" }), csr.Facts{}, "node name"},
		{"DNS name", names(func(r *x509.CertificateRequest) { r.DNSNames = []string{"a"} }), csr.Facts{}, "no extensions"},
		{"IP address", names(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }), csr.Facts{}, "no extensions"},
		{"email", names(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@b"} }), csr.Facts{}, "no extensions"},
		{"URI", names(func(r *x509.CertificateRequest) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "a"}} }), csr.Facts{}, "no extensions"},
		{"another extension", names(func(r *x509.CertificateRequest) {
			r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}}}
		}), csr.Facts{}, "no extensions"},
		{"no usage", usages(), csr.Facts{}, "usages"},
		{"no client auth", usages("digital signature"), csr.Facts{}, "usages"},
		{"no digital signature", usages("client auth"), csr.Facts{}, "usages"},
		{"server auth for client auth", usages("digital signature", "server auth"), csr.Facts{}, "usages"},
		{"server auth beside client auth", usages("digital signature", "client auth", "server auth"), csr.Facts{}, "usages"},
		{"cert sign", usages("digital signature", "client auth", "cert sign"), csr.Facts{}, "usages"},
		{"any", usages("digital signature", "client auth", "any"), csr.Facts{}, "usages"},
		{"usage twice", usages("digital signature", "client auth", "client auth"), csr.Facts{}, "usages"},
		{"P-224", request(p224, func(*x509.CertificateRequest) {}), csr.Facts{}, "key"},
		{"RSA 2047", request(smallRSA, func(*x509.CertificateRequest) {}), csr.Facts{}, "key"},
		{"a person", by("alice", "system:bootstrappers"), csr.Facts{}, "requester"},
		{"another node", by("system:node:worker-2", "system:nodes"), csr.Facts{}, "requester"},
		{"bootstrapper by group alone", by("system:bootstrap", "system:bootstrappers"), csr.Facts{}, "requester"},
		{"bootstrapper by name alone", by(bootstrap, "system:authenticated"), csr.Facts{}, "requester"},
		{"group of a token alone", by(bootstrap, "system:bootstrappers:a"), csr.Facts{}, "requester"},
		{"the node exists", func(*object) {}, exists, "new node"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			verdicts := csr.Check(csr.Decode(stored(t, key, test.change)), test.facts)
			var rules []string
			for _, refusal := range csr.Refusals(verdicts) {
				rules = append(rules, refusal.Rule)
			}
			if got := strings.Join(rules, ","); got != test.want {
				t.Errorf("refused by %q, want %q", got, test.want)
			}
		})
	}
}

func usages(list ...certificatesv1.KeyUsage) func(*object) {
	return func(o *object) { o.Spec.Usages = list }
}

func signer(name string) func(*object) {
	return func(o *object) { o.Spec.SignerName = name }
}

func TestDecodeConditions(t *testing.T) {
	key := newKey(t)
	notTrue := func(o *object) {
		with(certificatesv1.CertificateApproved)(o)
		o.Status.Conditions[0].Status = "False"
	}
	approved, failed := with(certificatesv1.CertificateApproved), with(certificatesv1.CertificateFailed)
	tests := []struct {
		name    string
		changes []func(*object)
		want    string
	}{
		{"new", nil, "Pending"},
		{"approval that does not hold", []func(*object){notTrue}, "Pending"},
		{"approved", []func(*object){approved}, "Approved"},
		{"issued", []func(*object){approved, issued("x")}, "Approved,Issued"},
		{"failed after approval", []func(*object){approved, failed}, "Approved,Failed"},
		{"failed", []func(*object){failed}, "Pending,Failed"},
		{"denied", []func(*object){with(certificatesv1.CertificateDenied)}, "Denied"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(csr.Decode(stored(t, key, test.changes...)).Conditions, ","); got != test.want {
				t.Errorf("conditions = %s, want %s", got, test.want)
			}
		})
	}
}

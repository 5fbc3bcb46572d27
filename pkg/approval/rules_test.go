package csr_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/pkg/csr"
)

func refusedBy(o *object, facts csr.Facts) string {
	var rules []string
	for _, refusal := range csr.Refusals(csr.Check(csr.Decode(o), facts)) {
		rules = append(rules, refusal.Rule)
	}
	return strings.Join(rules, ",")
}

// asks replaces the PKCS #10 part, made from a template.
func asks(t *testing.T, key *ecdsa.PrivateKey, changes ...func(*x509.CertificateRequest)) func(*object) {
	t.Helper()
	return func(o *object) { o.Spec.Request = pkcs10(t, key, changes...) }
}

func rdn(kind int, value string) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, kind}, Value: value}
}

// rawSubject sets the subject to sets of attributes.
func rawSubject(t *testing.T, subject pkix.RDNSequence) func(*x509.CertificateRequest) {
	t.Helper()
	raw, err := asn1.Marshal(subject)
	if err != nil {
		t.Fatal(err)
	}
	return func(r *x509.CertificateRequest) { r.RawSubject = raw }
}

func TestCheckShape(t *testing.T) {
	key := newKey(t)
	cn, o := rdn(3, "system:node:"+nodeName), rdn(10, "system:nodes")
	lifetime := func(seconds int32) func(*object) {
		return func(o *object) { o.Spec.ExpirationSeconds = &seconds }
	}
	tests := []struct {
		name   string
		change func(*object)
		want   string
	}{
		{"each by itself", asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {cn}})), ""},
		{"CN first", asks(t, key, rawSubject(t, pkix.RDNSequence{{cn}, {o}})), ""},
		{"joined in one", asks(t, key, rawSubject(t, pkix.RDNSequence{{o, cn}})), "subject"},
		{"an empty part", asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {}, {cn}})), "subject"},
		{"a serial number", asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {cn}, {rdn(5, "1")}})), "subject"},
		{"innocent CN before", asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {rdn(3, "innocent")}, {cn}})), "subject"},
		{"privileged CN before", asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {rdn(3, "system:admin")}, {cn}})), "not privileged,subject"},
		{"signed by another key", func(o *object) {
			block, _ := pem.Decode(o.Spec.Request)
			block.Bytes[len(block.Bytes)-1] ^= 1
			o.Spec.Request = pem.EncodeToMemory(block)
		}, "signed with its key"},
		{"a year", lifetime(365 * 86400), ""},
		{"a second more", lifetime(365*86400 + 1), "lifetime"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := refusedBy(stored(t, key, test.change), csr.Facts{}); got != test.want {
				t.Errorf("refused by %q, want %q", got, test.want)
			}
		})
	}
}

// serving returns the request of the node for its serving certificate, changed.
func serving(t *testing.T, key *ecdsa.PrivateKey, changes ...func(*object)) *object {
	t.Helper()
	changes = append([]func(*object){
		signer(csr.KubeletServing), usages("digital signature", "server auth"),
		asks(t, key, func(r *x509.CertificateRequest) {
			r.DNSNames, r.IPAddresses = []string{nodeName}, []net.IP{net.IPv4(10, 0, 0, 1)}
		}),
		func(o *object) {
			o.Spec.Username, o.Spec.Groups = "system:node:"+nodeName, []string{"system:nodes", "system:authenticated"}
		},
	}, changes...)
	return stored(t, key, changes...)
}

func TestCheckServing(t *testing.T) {
	key := newKey(t)
	known := csr.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{nodeName, "10.0.0.1"}}
	same := func(*object) {}
	names := func(change func(*x509.CertificateRequest)) func(*object) {
		return asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames = []string{nodeName} }, change)
	}
	tests := []struct {
		name   string
		change func(*object)
		facts  csr.Facts
		want   string
	}{
		{"of the node", same, known, ""},
		{"signer not named", same, csr.Facts{NodeExists: true, NodeAddresses: known.NodeAddresses}, "signer"},
		{"no such Node", same, csr.Facts{Signer: csr.KubeletServing}, "addresses of the node,known node"},
		{"another address", same, csr.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{nodeName}}, "addresses of the node"},
		{"an address written otherwise", names(func(r *x509.CertificateRequest) {
			r.DNSNames, r.IPAddresses = nil, []net.IP{net.ParseIP("2001:db8::4")}
		}),
			csr.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{"2001:DB8:0:0::4"}}, ""},
		{"an address with leading zeros", names(func(r *x509.CertificateRequest) {
			r.DNSNames, r.IPAddresses = nil, []net.IP{net.IPv4(10, 0, 0, 8)}
		}),
			csr.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{"010.000.00.08"}}, ""},
		{"an address as a host name", names(func(r *x509.CertificateRequest) { r.DNSNames = []string{"10.0.0.1"} }), known, "addresses of the node"},
		{"a name that begins alike", names(func(r *x509.CertificateRequest) { r.DNSNames = []string{nodeName + ".example.com"} }), known, "addresses of the node"},
		{"no name", asks(t, key), known, "no other extensions,addresses of the node"},
		{"email", names(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@b"} }), known, "no other extensions,addresses of the node"},
		{"URI", names(func(r *x509.CertificateRequest) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "a"}} }), known, "no other extensions,addresses of the node"},
		{"another extension", names(func(r *x509.CertificateRequest) {
			r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}}}
		}), known, "no other extensions"},
		{"client auth", usages("digital signature", "client auth"), known, "usages"},
		{"by another node", func(o *object) { o.Spec.Username = "system:node:worker-2" }, known, "requester"},
		{"by a bootstrap token", func(o *object) { o.Spec.Username, o.Spec.Groups = bootstrap, []string{"system:bootstrappers"} }, known, "requester"},
		{"another subject", names(func(r *x509.CertificateRequest) { r.Subject.Organization = []string{"x"} }), known, "subject"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := refusedBy(serving(t, key, test.change), test.facts); got != test.want {
				t.Errorf("refused by %q, want %q", got, test.want)
			}
		})
	}
}

func TestCheckClient(t *testing.T) {
	key := newKey(t)
	named := csr.Facts{Signer: csr.APIServerClient}
	subject := func(cn string, orgs ...string) func(*object) {
		return asks(t, key, func(r *x509.CertificateRequest) { r.Subject = pkix.Name{CommonName: cn, Organization: orgs} })
	}
	tests := []struct {
		name   string
		change func(*object)
		facts  csr.Facts
		want   string
	}{
		{"a person", subject("jane", "dev"), named, ""},
		{"signer not named", subject("jane"), csr.Facts{}, "signer"},
		{"no name", subject(""), named, "subject"},
		{"system:masters", subject("jane", "system:masters"), named, "not privileged"},
		{"kubeadm's administrators", subject("jane", "dev", "kubeadm:cluster-admins"), named, "not privileged"},
		{"a component", subject("system:kube-controller-manager"), named, "not privileged"},
		{"a node, by the signer of clients", subject("system:node:worker-1", "system:nodes"), named, "not privileged"},
		{"an administrator", subject("root"), csr.Facts{Signer: csr.APIServerClient, Privilege: "do everything"}, "not privileged"},
		{"no client auth", func(o *object) { subject("jane")(o); usages("digital signature")(o) }, named, "usages"},
		{"server auth", func(o *object) { subject("jane")(o); usages("client auth", "server auth")(o) }, named, "usages"},
		{"names", asks(t, key, func(r *x509.CertificateRequest) {
			r.Subject, r.DNSNames = pkix.Name{CommonName: "jane"}, []string{"kubernetes"}
		}), named, "no extensions"},
		{"signer of someone else", func(o *object) { subject("jane")(o); o.Spec.SignerName = "example.com/x" }, csr.Facts{Signer: "example.com/x"}, ""},
		{"system:masters there", func(o *object) { subject("jane", "system:masters")(o); o.Spec.SignerName = "example.com/x" }, csr.Facts{Signer: "example.com/x"}, "not privileged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := refusedBy(stored(t, key, signer(csr.APIServerClient), test.change), test.facts); got != test.want {
				t.Errorf("refused by %q, want %q", got, test.want)
			}
		})
	}
}

// Nobody may pass over these, --force or not.
func TestAbsoluteRules(t *testing.T) {
	var absolute []string
	for _, verdict := range csr.Check(csr.Decode(stored(t, newKey(t))), csr.Facts{}) {
		if verdict.Absolute {
			absolute = append(absolute, verdict.Rule)
		}
	}
	if got := strings.Join(absolute, ","); got != "readable,pending,signed with its key,not privileged" {
		t.Errorf("absolute rules: %s", got)
	}
}

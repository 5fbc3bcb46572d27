package approval_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

func refusedBy(o *testcsr.Object, facts approval.Facts) string {
	var rules []string
	for _, refusal := range approval.Violations(approval.Check(csr.Decode(o), facts)) {
		rules = append(rules, refusal.Rule)
	}
	return strings.Join(rules, ",")
}

func rdn(kind int, value string) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, kind}, Value: value}
}

// rawSubject sets the subject to these sets of attributes.
func rawSubject(t *testing.T, subject pkix.RDNSequence) func(*x509.CertificateRequest) {
	t.Helper()
	raw, err := asn1.Marshal(subject)
	if err != nil {
		t.Fatal(err)
	}
	return func(r *x509.CertificateRequest) { r.RawSubject = raw }
}

func TestCheck_Shape(t *testing.T) {
	key := testcsr.NewKey(t)
	cn, o := rdn(3, "system:node:"+testcsr.NodeName), rdn(10, "system:nodes")
	lifetime := func(seconds int32) func(*testcsr.Object) {
		return func(o *testcsr.Object) { o.Spec.ExpirationSeconds = &seconds }
	}
	tests := []struct {
		name   string
		change func(*testcsr.Object)
		want   string
	}{
		{"each in its own set", testcsr.Asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {cn}})), ""},
		{"CN first", testcsr.Asks(t, key, rawSubject(t, pkix.RDNSequence{{cn}, {o}})), ""},
		{"in one set", testcsr.Asks(t, key, rawSubject(t, pkix.RDNSequence{{o, cn}})), "subject"},
		{"an empty set", testcsr.Asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {}, {cn}})), "subject"},
		{"a serial number", testcsr.Asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {cn}, {rdn(5, "1")}})), "well-formed,subject"},
		{"innocent CN before", testcsr.Asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {rdn(3, "innocent")}, {cn}})), "subject"},
		{"privileged CN before", testcsr.Asks(t, key, rawSubject(t, pkix.RDNSequence{{o}, {rdn(3, "system:admin")}, {cn}})), "not privileged,subject"},
		{"signed by another key", func(o *testcsr.Object) {
			block, _ := pem.Decode(o.Spec.Request)
			block.Bytes[len(block.Bytes)-1] ^= 1
			o.Spec.Request = pem.EncodeToMemory(block)
		}, "signed with its key"},
		{"a year", lifetime(365 * 86400), ""},
		{"a second more", lifetime(365*86400 + 1), "lifetime"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := refusedBy(testcsr.Stored(t, key, test.change), approval.Facts{}); got != test.want {
				t.Errorf("violations %q, want %q", got, test.want)
			}
		})
	}
}

func TestCheck_Serving(t *testing.T) {
	key := testcsr.NewKey(t)
	known := approval.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{testcsr.NodeName, "10.0.0.1"}}
	same := func(*testcsr.Object) {}
	names := func(change func(*x509.CertificateRequest)) func(*testcsr.Object) {
		return testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.DNSNames = []string{testcsr.NodeName} }, change)
	}
	tests := []struct {
		name   string
		change func(*testcsr.Object)
		facts  approval.Facts
		want   string
	}{
		{"names of the Node", same, known, ""},
		{"signer not named", same, approval.Facts{NodeExists: true, NodeAddresses: known.NodeAddresses}, "signer"},
		{"missing Node", same, approval.Facts{Signer: csr.KubeletServing}, "addresses of the node,known node"},
		{"another address", same, approval.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{testcsr.NodeName}}, "addresses of the node"},
		{"an address in another form", names(func(r *x509.CertificateRequest) {
			r.DNSNames, r.IPAddresses = nil, []net.IP{net.ParseIP("2001:db8::4")}
		}),
			approval.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{"2001:DB8:0:0::4"}}, ""},
		{"an address with leading zeros", names(func(r *x509.CertificateRequest) {
			r.DNSNames, r.IPAddresses = nil, []net.IP{net.IPv4(10, 0, 0, 8)}
		}),
			approval.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{"010.000.00.08"}}, ""},
		{"an address as a host name", names(func(r *x509.CertificateRequest) { r.DNSNames = []string{"10.0.0.1"} }), known, "addresses of the node"},
		{"a name with the same prefix", names(func(r *x509.CertificateRequest) { r.DNSNames = []string{testcsr.NodeName + ".example.com"} }), known, "addresses of the node,host names"},
		{"no name", testcsr.Asks(t, key), known, "addresses of the node"},
		{"email", names(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@b"} }), known, "no other extensions,addresses of the node"},
		{"URI", names(func(r *x509.CertificateRequest) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "a"}} }), known, "no other extensions,addresses of the node"},
		{"another extension", names(func(r *x509.CertificateRequest) {
			r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}}}
		}), known, "well-formed,no other extensions"},
		{"client auth", testcsr.Usages("digital signature", "client auth"), known, "usages"},
		{"by another node", func(o *testcsr.Object) { o.Spec.Username = "system:node:worker-2" }, known, "requester"},
		{"by a bootstrap token", func(o *testcsr.Object) {
			o.Spec.Username, o.Spec.Groups = testcsr.Bootstrap, []string{"system:bootstrappers"}
		}, known, "requester"},
		{"another subject", names(func(r *x509.CertificateRequest) { r.Subject.Organization = []string{"x"} }), known, "subject"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := refusedBy(testcsr.Serving(t, key, test.change), test.facts); got != test.want {
				t.Errorf("violations %q, want %q", got, test.want)
			}
		})
	}
}

func TestCheck_Client(t *testing.T) {
	key := testcsr.NewKey(t)
	named := approval.Facts{Signer: csr.APIServerClient}
	subject := func(cn string, orgs ...string) func(*testcsr.Object) {
		return testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.Subject = pkix.Name{CommonName: cn, Organization: orgs} })
	}
	tests := []struct {
		name   string
		change func(*testcsr.Object)
		facts  approval.Facts
		want   string
	}{
		{"a person", subject("jane", "dev"), named, ""},
		{"signer not named", subject("jane"), approval.Facts{}, "signer"},
		{"no name", subject(""), named, "subject"},
		{"system:masters", subject("jane", "system:masters"), named, "not privileged"},
		{"kubeadm's administrators", subject("jane", "dev", "kubeadm:cluster-admins"), named, "not privileged"},
		{"a component", subject("system:kube-controller-manager"), named, "not privileged"},
		{"a node, with the client signer", subject("system:node:worker-1", "system:nodes"), named, "not privileged"},
		{"an administrator", subject("root"), approval.Facts{Signer: csr.APIServerClient, Privilege: "do everything"}, "not privileged"},
		{"no client auth", func(o *testcsr.Object) { subject("jane")(o); testcsr.Usages("digital signature")(o) }, named, "usages"},
		{"server auth", func(o *testcsr.Object) { subject("jane")(o); testcsr.Usages("client auth", "server auth")(o) }, named, "usages"},
		{"names", testcsr.Asks(t, key, func(r *x509.CertificateRequest) {
			r.Subject, r.DNSNames = pkix.Name{CommonName: "jane"}, []string{"kubernetes"}
		}), named, "no extensions"},
		{"by a bootstrap token", testcsr.By(testcsr.Bootstrap, "system:authenticated"), named, "not privileged,requester"},
		{"by a member of a token group", func(o *testcsr.Object) { subject("jane")(o); testcsr.By("alice", "system:bootstrappers:a")(o) }, named, "requester"},
		{"by a token without groups", func(o *testcsr.Object) { subject("jane")(o); testcsr.By(testcsr.Bootstrap)(o) }, named, "requester"},
		{"by a node", func(o *testcsr.Object) { subject("jane")(o); testcsr.By("system:node:worker-1")(o) }, named, "requester"},
		{"by a member of the nodes", func(o *testcsr.Object) { subject("jane")(o); testcsr.By("alice", "system:nodes")(o) }, named, "requester"},
		{"by an anonymous user", func(o *testcsr.Object) { subject("jane")(o); testcsr.By("system:anonymous")(o) }, named, "requester"},
		{"by an unauthenticated user", func(o *testcsr.Object) { subject("jane")(o); testcsr.By("alice", "system:unauthenticated")(o) }, named, "requester"},
		{"by a service account", func(o *testcsr.Object) {
			subject("jane")(o)
			testcsr.By("system:serviceaccount:a:b", "system:serviceaccounts")(o)
		}, named, ""},
		{"another signer", func(o *testcsr.Object) { subject("jane")(o); o.Spec.SignerName = "example.com/x" }, approval.Facts{Signer: "example.com/x"}, ""},
		{"another signer, system:masters", func(o *testcsr.Object) { subject("jane", "system:masters")(o); o.Spec.SignerName = "example.com/x" }, approval.Facts{Signer: "example.com/x"}, "not privileged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := refusedBy(testcsr.Stored(t, key, testcsr.Signer(csr.APIServerClient), testcsr.By("alice"), test.change), test.facts); got != test.want {
				t.Errorf("violations %q, want %q", got, test.want)
			}
		})
	}
}

// An approver cannot override these rules.
func TestCheck_MandatoryRules(t *testing.T) {
	var mandatory []string
	for _, result := range approval.Check(csr.Decode(testcsr.Stored(t, testcsr.NewKey(t))), approval.Facts{}) {
		if !result.Overridable {
			mandatory = append(mandatory, result.Rule)
		}
	}
	if got := strings.Join(mandatory, ","); got != "readable,pending,well-formed,signed with its key,not privileged" {
		t.Errorf("mandatory rules: %s", got)
	}
}

package csr_test

import (
	"crypto/x509"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// Any stored CSR can be shown and evaluated, and no CSR that cannot be parsed passes the
// approval policy.
func TestDecode_Junk(t *testing.T) {
	key := testcsr.NewKey(t)
	request := func(text string) *testcsr.Object {
		return testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = []byte(text) })
	}
	tests := []struct {
		name string
		junk *testcsr.Object
	}{
		{"empty object", &testcsr.Object{}},
		{"no request", request("")},
		{"NUL bytes", request("\x00\x00")},
		{"only the header", request("-----BEGIN CERTIFICATE REQUEST-----\n")},
		{"empty block", request("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n")},
		{"a certificate", testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = testcsr.NewCA(t).IssueNode(t, key) })},
		{"DER of something else", testcsr.Stored(t, key, func(o *testcsr.Object) {
			o.Spec.Request = testcsr.Block("CERTIFICATE REQUEST", nil, testcsr.NewCA(t).Raw)
		})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := csr.Decode(test.junk)
			if got.Problem == "" || got.PKCS10 != nil || got.NodeName() != "" || got.SANs() != nil {
				t.Errorf("decoded to %+v, want only a problem", got)
			}
			violations := approval.Violations(approval.Check(got, approval.Facts{}))
			if len(violations) == 0 || violations[0].Rule != "readable" || violations[0].Message != got.Problem {
				t.Errorf("violations %v, want readable", violations)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lifetime := int32(3600)
	got := csr.Decode(testcsr.Stored(t, testcsr.NewKey(t), func(o *testcsr.Object) {
		o.CreationTimestamp = metav1.NewTime(created)
		o.Spec.ExpirationSeconds = &lifetime
	}))
	if got.PKCS10 == nil || got.NodeName() != testcsr.NodeName {
		t.Errorf("node name = %q", got.NodeName())
	}
	want := csr.Request{
		Name: "node-csr-1", UID: "uid-1", Created: created,
		SignerName: "kubernetes.io/kube-apiserver-client-kubelet",
		Username:   testcsr.Bootstrap, Groups: []string{"system:bootstrappers", "system:authenticated"},
		Usages: []string{"digital signature", "client auth"}, ExpirationSeconds: 3600,
		Conditions: []string{"Pending"},
	}
	plain := csr.Request{
		Name: got.Name, UID: got.UID, Created: got.Created, SignerName: got.SignerName, Username: got.Username, Groups: got.Groups,
		Usages: got.Usages, ExpirationSeconds: got.ExpirationSeconds, Conditions: got.Conditions, Problem: got.Problem,
		Reason: got.Reason, Message: got.Message, Certificate: got.Certificate,
	}
	if !reflect.DeepEqual(plain, want) {
		t.Errorf("decoded to %+v\nwant %+v", plain, want)
	}
}

func TestNodeName(t *testing.T) {
	key := testcsr.NewKey(t)
	tests := []struct{ name, cn, want string }{
		{"node", "system:node:worker-1", "worker-1"},
		{"no node", "worker-1", ""},
		{"prefix within", "x:system:node:worker-1", ""},
		{"prefix in upper case", "System:node:worker-1", ""},
		{"prefix twice", "system:node:system:node:a", "system:node:a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := csr.Decode(testcsr.Stored(t, key, func(o *testcsr.Object) {
				o.Spec.Request = testcsr.PKCS10(t, key, func(r *x509.CertificateRequest) { r.Subject.CommonName = test.cn })
			}))
			if got.Problem != "" || got.NodeName() != test.want {
				t.Errorf("node name = %q, %s, want %q", got.NodeName(), got.Problem, test.want)
			}
		})
	}
}

func TestSANs(t *testing.T) {
	key := testcsr.NewKey(t)
	got := csr.Decode(testcsr.Stored(t, key, func(o *testcsr.Object) {
		o.Spec.Request = testcsr.PKCS10(t, key, func(r *x509.CertificateRequest) {
			r.DNSNames = []string{"a", "b"}
			r.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)}
			r.EmailAddresses = []string{"a@b"}
			r.URIs = []*url.URL{{Scheme: "spiffe", Host: "a"}}
		})
	})).SANs()
	if want := []string{"DNS:a", "DNS:b", "IP:10.0.0.1", "email:a@b", "URI:spiffe://a"}; !slices.Equal(got, want) {
		t.Errorf("names = %q, want %q", got, want)
	}
}

func TestDecodeConditions(t *testing.T) {
	key := testcsr.NewKey(t)
	notTrue := func(o *testcsr.Object) {
		testcsr.With(certificatesv1.CertificateApproved)(o)
		o.Status.Conditions[0].Status = "False"
	}
	approved, failed := testcsr.With(certificatesv1.CertificateApproved), testcsr.With(certificatesv1.CertificateFailed)
	tests := []struct {
		name    string
		changes []func(*testcsr.Object)
		want    string
	}{
		{"new", nil, "Pending"},
		{"approval with the status False", []func(*testcsr.Object){notTrue}, "Pending"},
		{"approved", []func(*testcsr.Object){approved}, "Approved"},
		{"issued", []func(*testcsr.Object){approved, testcsr.Issued("x")}, "Approved,Issued"},
		{"failed after approval", []func(*testcsr.Object){approved, failed}, "Approved,Failed"},
		{"failed", []func(*testcsr.Object){failed}, "Pending,Failed"},
		{"denied", []func(*testcsr.Object){testcsr.With(certificatesv1.CertificateDenied)}, "Denied"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(csr.Decode(testcsr.Stored(t, key, test.changes...)).Conditions, ","); got != test.want {
				t.Errorf("conditions = %s, want %s", got, test.want)
			}
		})
	}
}

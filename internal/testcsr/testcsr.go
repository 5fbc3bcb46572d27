// Package testcsr has keys, CSRs, CAs and fake clients for tests about CSRs.
package testcsr

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	certificatesv1fake "k8s.io/client-go/kubernetes/typed/certificates/v1/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/csr"
)

// The node of the tests, and the user name of its bootstrap token.
const (
	NodeName  = "worker-1"
	Bootstrap = "system:bootstrap:abcdef"
)

// Now is the time of the tests; certificates are valid from a day before to a day after.
var Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// WantError fails the test unless err matches want.
func WantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}

// NewKey returns a new ECDSA key.
func NewKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	return testca.Key(t)
}

// NodeSubject returns the subject of the node's CSR.
func NodeSubject() pkix.Name {
	return pkix.Name{CommonName: "system:node:" + NodeName, Organization: []string{"system:nodes"}}
}

// PKCS10 returns a PKCS #10 CSR of the node in PEM, created from a changed template.
func PKCS10(t testing.TB, key crypto.Signer, changes ...func(*x509.CertificateRequest)) []byte {
	t.Helper()
	template := &x509.CertificateRequest{Subject: NodeSubject()}
	for _, change := range changes {
		change(template)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return Block("CERTIFICATE REQUEST", nil, der)
}

// Block returns a PEM block.
func Block(kind string, headers map[string]string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der})
}

// CA is a CA that issues certificates for the node.
type CA struct{ testca.CA }

// NewCA returns a new CA, valid around Now.
func NewCA(t testing.TB) CA {
	t.Helper()
	return CA{testca.New(t, Now)}
}

// IssueNode issues the node's certificate for the key from a changed template.
func (c CA) IssueNode(t testing.TB, key crypto.Signer, changes ...func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(2),
		Subject:               NodeSubject(),
		NotBefore:             Now.Add(-time.Hour),
		NotAfter:              Now.Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, change := range changes {
		change(template)
	}
	return Block("CERTIFICATE", nil, c.Issue(t, template, key.Public()).Raw)
}

// Expected returns what the node's certificate must contain.
func Expected(key crypto.Signer, roots ...*x509.Certificate) csr.Expected {
	want := csr.ExpectNode(NodeName)
	want.PublicKey, want.Roots, want.Now = key.Public(), roots, Now
	return want
}

// Object is a CSR as stored by the API server.
type Object = certificatesv1.CertificateSigningRequest

// Stored returns the node's CSR as stored by the API server, with changes.
func Stored(t testing.TB, key crypto.Signer, changes ...func(*Object)) *Object {
	t.Helper()
	o := &Object{
		ObjectMeta: metav1.ObjectMeta{Name: "node-csr-1", UID: "uid-1"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    PKCS10(t, key),
			SignerName: "kubernetes.io/kube-apiserver-client-kubelet",
			Usages:     []certificatesv1.KeyUsage{"digital signature", "client auth"},
			Username:   Bootstrap,
			Groups:     []string{"system:bootstrappers", "system:authenticated"},
		},
	}
	for _, change := range changes {
		change(o)
	}
	return o
}

// With returns a change that adds a condition with status True.
func With(kind certificatesv1.RequestConditionType) func(*Object) {
	return func(o *Object) {
		o.Status.Conditions = append(o.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
			Type: kind, Status: "True", Reason: "Because", Message: "of this",
		})
	}
}

// Issued returns a change that adds a certificate to a CSR.
func Issued(text string) func(*Object) {
	return func(o *Object) { o.Status.Certificate = []byte(text) }
}

// FakeCertificates returns the client of a cluster with the given CSRs.
func FakeCertificates(t testing.TB, objects ...*Object) *certificatesv1fake.FakeCertificatesV1 {
	t.Helper()
	tracker := clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder())
	for _, o := range objects {
		if err := tracker.Add(o.DeepCopy()); err != nil {
			t.Fatal(err)
		}
	}
	fake := &clienttesting.Fake{}
	fake.AddReactor("*", "*", clienttesting.ObjectReaction(tracker))
	fake.AddWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
		w, err := tracker.Watch(action.GetResource(), action.GetNamespace())
		return true, w, err
	})
	return &certificatesv1fake.FakeCertificatesV1{Fake: fake}
}

// Get returns the CSR as stored.
func Get(t testing.TB, client *certificatesv1fake.FakeCertificatesV1) *Object {
	t.Helper()
	o, err := client.CertificateSigningRequests().Get(t.Context(), "node-csr-1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// NewSpec returns the CSR that the node would submit, with the name of stored.
func NewSpec(t testing.TB, key crypto.Signer) *Object {
	t.Helper()
	spec, err := csr.NewNodeRequest(NodeName, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spec.Name = "node-csr-1"
	return spec
}

// ParseCertificate parses one certificate in PEM.
func ParseCertificate(t testing.TB, text []byte) *x509.Certificate {
	t.Helper()
	first, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(first.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// Usages returns a change that sets the usages of a CSR.
func Usages(list ...certificatesv1.KeyUsage) func(*Object) {
	return func(o *Object) { o.Spec.Usages = list }
}

// Signer returns a change that sets the signer of a CSR.
func Signer(name string) func(*Object) {
	return func(o *Object) { o.Spec.SignerName = name }
}

// By returns a change that sets the requester of a CSR.
func By(user string, groups ...string) func(*Object) {
	return func(o *Object) { o.Spec.Username, o.Spec.Groups = user, groups }
}

// Asks returns a change that replaces the PKCS #10 CSR with one from a changed template.
func Asks(t *testing.T, key *ecdsa.PrivateKey, changes ...func(*x509.CertificateRequest)) func(*Object) {
	t.Helper()
	return func(o *Object) { o.Spec.Request = PKCS10(t, key, changes...) }
}

// Serving returns the node's CSR for its serving certificate, with changes.
func Serving(t *testing.T, key *ecdsa.PrivateKey, changes ...func(*Object)) *Object {
	t.Helper()
	changes = append([]func(*Object){
		Signer(csr.KubeletServing), Usages("digital signature", "server auth"),
		Asks(t, key, func(r *x509.CertificateRequest) {
			r.DNSNames, r.IPAddresses = []string{NodeName}, []net.IP{net.IPv4(10, 0, 0, 1)}
		}),
		func(o *Object) {
			o.Spec.Username, o.Spec.Groups = "system:node:"+NodeName, []string{"system:nodes", "system:authenticated"}
		},
	}, changes...)
	return Stored(t, key, changes...)
}

// ErrServer is an error of the API server that is not transient.
var ErrServer = errors.New("server error")

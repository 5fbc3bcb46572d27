package csr_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
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

const (
	nodeName  = "worker-1"
	bootstrap = "system:bootstrap:abcdef"
)

// now is when the tests take place; certificates are valid a day around it.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	return testca.Key(t)
}

// nodeSubject is the subject of the node's request.
func nodeSubject() pkix.Name {
	return pkix.Name{CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}}
}

// pkcs10 returns a request of the node as PEM, its template changed.
func pkcs10(t testing.TB, key crypto.Signer, changes ...func(*x509.CertificateRequest)) []byte {
	t.Helper()
	template := &x509.CertificateRequest{Subject: nodeSubject()}
	for _, change := range changes {
		change(template)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE REQUEST", nil, der)
}

func block(kind string, headers map[string]string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der})
}

type ca struct{ testca.CA }

func newCA(t testing.TB) ca {
	t.Helper()
	return ca{testca.New(t, now)}
}

// issue signs the certificate of the node for the key, its template changed.
func (c ca) issue(t testing.TB, key crypto.Signer, changes ...func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(2),
		Subject:               nodeSubject(),
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, change := range changes {
		change(template)
	}
	return block("CERTIFICATE", nil, c.Issue(t, template, key.Public()).Raw)
}

// expected is what the node's certificate must be.
func expected(key crypto.Signer, roots ...*x509.Certificate) csr.Expected {
	want := csr.ExpectNode(nodeName)
	want.PublicKey, want.Roots, want.Now = key.Public(), roots, now
	return want
}

type object = certificatesv1.CertificateSigningRequest

// stored returns the node's request as the API server holds it, changed.
func stored(t testing.TB, key crypto.Signer, changes ...func(*object)) *object {
	t.Helper()
	o := &object{
		ObjectMeta: metav1.ObjectMeta{Name: "node-csr-1", UID: "uid-1"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pkcs10(t, key),
			SignerName: "kubernetes.io/kube-apiserver-client-kubelet",
			Usages:     []certificatesv1.KeyUsage{"digital signature", "client auth"},
			Username:   bootstrap,
			Groups:     []string{"system:bootstrappers", "system:authenticated"},
		},
	}
	for _, change := range changes {
		change(o)
	}
	return o
}

// with adds a condition that holds.
func with(kind certificatesv1.RequestConditionType) func(*object) {
	return func(o *object) {
		o.Status.Conditions = append(o.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
			Type: kind, Status: "True", Reason: "Because", Message: "of this",
		})
	}
}

func issued(text string) func(*object) {
	return func(o *object) { o.Status.Certificate = []byte(text) }
}

// fakeCertificates returns the client of a cluster with the given requests.
func fakeCertificates(t testing.TB, objects ...*object) *certificatesv1fake.FakeCertificatesV1 {
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

// get returns the request as stored.
func get(t testing.TB, client *certificatesv1fake.FakeCertificatesV1) *object {
	t.Helper()
	o, err := client.CertificateSigningRequests().Get(t.Context(), "node-csr-1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// newSpec is the request that the node would send, under the name of stored.
func newSpec(t testing.TB, key crypto.Signer) *object {
	t.Helper()
	spec, err := csr.NewNodeRequest(nodeName, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spec.Name = "node-csr-1"
	return spec
}

func parseCertificate(t testing.TB, text []byte) *x509.Certificate {
	t.Helper()
	first, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(first.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

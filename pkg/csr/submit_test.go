package csr_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func TestSubmit(t *testing.T) {
	key := testcsr.NewKey(t)
	lifetime := int32(3600)
	request := func(change func(*x509.CertificateRequest)) func(*testcsr.Object) {
		return func(o *testcsr.Object) { o.Spec.Request = testcsr.PKCS10(t, key, change) }
	}
	tests := []struct {
		name    string
		there   *testcsr.Object
		wantErr error
	}{
		{"new", nil, nil},
		{"the same, signed anew", testcsr.Stored(t, key), nil},
		{"the same, approved", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved)), nil},
		{"other key", testcsr.Stored(t, testcsr.NewKey(t)), csr.ErrDiffers},
		{"other subject", testcsr.Stored(t, key, request(func(r *x509.CertificateRequest) { r.Subject = pkix.Name{CommonName: "x"} })), csr.ErrDiffers},
		{"alternative name", testcsr.Stored(t, key, request(func(r *x509.CertificateRequest) { r.DNSNames = []string{"a"} })), csr.ErrDiffers},
		{"other signer", testcsr.Stored(t, key, testcsr.Signer("example.com/x")), csr.ErrDiffers},
		{"other usages", testcsr.Stored(t, key, testcsr.Usages("digital signature", "server auth")), csr.ErrDiffers},
		{"other lifetime", testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.ExpirationSeconds = &lifetime }), csr.ErrDiffers},
		{"not a request", testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = []byte("x") }), csr.ErrDiffers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := testcsr.FakeCertificates(t)
			if test.there != nil {
				client = testcsr.FakeCertificates(t, test.there)
			}
			spec := testcsr.NewSpec(t, key)
			got, err := csr.Submit(t.Context(), client, spec)
			testcsr.WantError(t, err, test.wantErr)
			if test.wantErr != nil {
				return
			}
			want := spec.Spec.Request
			if test.there != nil {
				want = test.there.Spec.Request
			}
			if string(got.Spec.Request) != string(want) {
				t.Error("the request returned is not the one stored")
			}
		})
	}
}

// Both requests have one extension, but not the same names in it.
func TestSubmitComparesAlternativeNames(t *testing.T) {
	key := testcsr.NewKey(t)
	dns := func(name string) []byte {
		return testcsr.PKCS10(t, key, func(r *x509.CertificateRequest) { r.DNSNames = []string{name} })
	}
	tests := []struct {
		name    string
		there   []byte
		wantErr error
	}{
		{"same name", dns("a"), nil},
		{"other name", dns("b"), csr.ErrDiffers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := testcsr.NewSpec(t, key)
			spec.Spec.Request = dns("a")
			client := testcsr.FakeCertificates(t, testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = test.there }))
			_, err := csr.Submit(t.Context(), client, spec)
			testcsr.WantError(t, err, test.wantErr)
		})
	}
}

func TestSubmitKeepsErrorsOfTheServer(t *testing.T) {
	key := testcsr.NewKey(t)
	for _, verb := range []string{"create", "get"} {
		t.Run(verb, func(t *testing.T) {
			client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
			client.PrependReactor(verb, "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, testcsr.ErrServer })
			_, err := csr.Submit(t.Context(), client, testcsr.NewSpec(t, key))
			testcsr.WantError(t, err, testcsr.ErrServer)
		})
	}
}

// An answer that is another object is none to wait for.
func TestSubmitOfAnotherAnswer(t *testing.T) {
	client := testcsr.FakeCertificates(t)
	answer := &testcsr.Object{}
	client.PrependReactor("create", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, answer, nil })
	for _, name := range []string{"", "other"} {
		answer.Name = name
		_, err := csr.Submit(t.Context(), client, testcsr.NewSpec(t, testcsr.NewKey(t)))
		testcsr.WantError(t, err, kubeclient.ErrNotAPIServer)
	}
}

package csr_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/csr"
)

var errServer = errors.New("trouble in the server")

func TestSubmit(t *testing.T) {
	key := newKey(t)
	lifetime := int32(3600)
	request := func(change func(*x509.CertificateRequest)) func(*object) {
		return func(o *object) { o.Spec.Request = pkcs10(t, key, change) }
	}
	tests := []struct {
		name    string
		there   *object
		wantErr error
	}{
		{"new", nil, nil},
		{"the same, signed anew", stored(t, key), nil},
		{"the same, approved", stored(t, key, with(certificatesv1.CertificateApproved)), nil},
		{"other key", stored(t, newKey(t)), csr.ErrDiffers},
		{"other subject", stored(t, key, request(func(r *x509.CertificateRequest) { r.Subject = pkix.Name{CommonName: "x"} })), csr.ErrDiffers},
		{"alternative name", stored(t, key, request(func(r *x509.CertificateRequest) { r.DNSNames = []string{"a"} })), csr.ErrDiffers},
		{"other signer", stored(t, key, signer("example.com/x")), csr.ErrDiffers},
		{"other usages", stored(t, key, usages("digital signature", "server auth")), csr.ErrDiffers},
		{"other lifetime", stored(t, key, func(o *object) { o.Spec.ExpirationSeconds = &lifetime }), csr.ErrDiffers},
		{"not a request", stored(t, key, func(o *object) { o.Spec.Request = []byte("x") }), csr.ErrDiffers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCertificates(t)
			if test.there != nil {
				client = fakeCertificates(t, test.there)
			}
			spec := newSpec(t, key)
			got, err := csr.Submit(t.Context(), client, spec)
			wantError(t, err, test.wantErr)
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
	key := newKey(t)
	dns := func(name string) []byte {
		return pkcs10(t, key, func(r *x509.CertificateRequest) { r.DNSNames = []string{name} })
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
			spec := newSpec(t, key)
			spec.Spec.Request = dns("a")
			client := fakeCertificates(t, stored(t, key, func(o *object) { o.Spec.Request = test.there }))
			_, err := csr.Submit(t.Context(), client, spec)
			wantError(t, err, test.wantErr)
		})
	}
}

func TestSubmitKeepsErrorsOfTheServer(t *testing.T) {
	key := newKey(t)
	for _, verb := range []string{"create", "get"} {
		t.Run(verb, func(t *testing.T) {
			client := fakeCertificates(t, stored(t, key))
			client.PrependReactor(verb, "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errServer })
			_, err := csr.Submit(t.Context(), client, newSpec(t, key))
			wantError(t, err, errServer)
		})
	}
}

// An answer that is another object is none to wait for.
func TestSubmitOfAnotherAnswer(t *testing.T) {
	client := fakeCertificates(t)
	answer := &object{}
	client.PrependReactor("create", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, answer, nil })
	for _, name := range []string{"", "other"} {
		answer.Name = name
		_, err := csr.Submit(t.Context(), client, newSpec(t, newKey(t)))
		wantError(t, err, apiclient.ErrNotAPIServer)
	}
}

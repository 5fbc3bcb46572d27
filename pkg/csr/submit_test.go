package csr_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
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
		{"the same, signed again", testcsr.Stored(t, key), nil},
		{"the same, approved", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved)), nil},
		{"other key", testcsr.Stored(t, testcsr.NewKey(t)), csr.ErrDiffers},
		{"other subject", testcsr.Stored(t, key, request(func(r *x509.CertificateRequest) { r.Subject = pkix.Name{CommonName: "x"} })), csr.ErrDiffers},
		{"alternative name", testcsr.Stored(t, key, request(func(r *x509.CertificateRequest) { r.DNSNames = []string{"a"} })), csr.ErrDiffers},
		{"other signer", testcsr.Stored(t, key, testcsr.Signer("example.com/x")), csr.ErrDiffers},
		{"other usages", testcsr.Stored(t, key, testcsr.Usages("digital signature", "server auth")), csr.ErrDiffers},
		{"other lifetime", testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.ExpirationSeconds = &lifetime }), csr.ErrDiffers},
		{"not a PKCS#10 request", testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = []byte("x") }), csr.ErrDiffers},
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
				t.Error("the returned CSR is not the stored one")
			}
		})
	}
}

// Both CSRs have one extension, with different names in it.
func TestSubmit_ComparesSANs(t *testing.T) {
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

func TestSubmit_ServerErrors(t *testing.T) {
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

// A response with another object is an error.
func TestSubmit_OtherResponse(t *testing.T) {
	client := testcsr.FakeCertificates(t)
	answer := &testcsr.Object{}
	client.PrependReactor("create", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, answer, nil })
	for _, name := range []string{"", "other"} {
		answer.Name = name
		_, err := csr.Submit(t.Context(), client, testcsr.NewSpec(t, testcsr.NewKey(t)))
		testcsr.WantError(t, err, kubeclient.ErrNotAPIServer)
	}
}

// Each case differs from the wanted CSR in one part of an extension, in the order of the
// subject, or in the order of the usages, from which the name is derived.
func TestSubmitComparesEachPart(t *testing.T) {
	key := testcsr.NewKey(t)
	extended := func(extension pkix.Extension) []byte {
		return testcsr.PKCS10(t, key, func(r *x509.CertificateRequest) { r.ExtraExtensions = []pkix.Extension{extension} })
	}
	ours := extended(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}})
	request := func(text []byte) func(*testcsr.Object) { return func(o *testcsr.Object) { o.Spec.Request = text } }
	zero := int32(0)
	tests := []struct {
		name    string
		change  func(*testcsr.Object)
		wantErr error
	}{
		{"the same", func(*testcsr.Object) {}, nil},
		{"created by another user", func(o *testcsr.Object) { o.Spec.Username = "alice" }, nil},
		{"expiration of zero", func(o *testcsr.Object) { o.Spec.ExpirationSeconds = &zero }, nil},
		{"no extension", request(testcsr.PKCS10(t, key)), csr.ErrDiffers},
		{"another value", request(extended(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 1}})), csr.ErrDiffers},
		{"another extension", request(extended(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 4}, Value: []byte{5, 0}})), csr.ErrDiffers},
		{"critical", request(extended(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}})), csr.ErrDiffers},
		{"fewer usages", testcsr.Usages("digital signature"), csr.ErrDiffers},
		{"more usages", testcsr.Usages("digital signature", "client auth", "key encipherment"), csr.ErrDiffers},
		{"usages in another order", testcsr.Usages("client auth", "digital signature"), csr.ErrDiffers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := testcsr.NewSpec(t, key)
			spec.Spec.Request = ours
			client := testcsr.FakeCertificates(t, testcsr.Stored(t, key, request(ours), test.change))
			got, err := csr.Submit(t.Context(), client, spec)
			testcsr.WantError(t, err, test.wantErr)
			if (got == nil) != (test.wantErr != nil) || (got != nil && got.UID != "uid-1") {
				t.Errorf("object = %v", got)
			}
		})
	}
}

// The wanted CSR is also checked: a spec that cannot be parsed is not equal.
func TestSubmitOfJunk(t *testing.T) {
	key := testcsr.NewKey(t)
	spec := testcsr.NewSpec(t, key)
	spec.Spec.Request = []byte("x")
	_, err := csr.Submit(t.Context(), testcsr.FakeCertificates(t, testcsr.Stored(t, key)), spec)
	testcsr.WantError(t, err, csr.ErrDiffers)
}

// A requester can delete its own pending CSR.
func TestDeleteOwn_SendsTheUID(t *testing.T) {
	made := testcsr.Stored(t, testcsr.NewKey(t))
	client := testcsr.FakeCertificates(t, made)
	testcsr.WantError(t, csr.DeleteOwn(t.Context(), client, csr.Decode(made)), nil)
	actions := client.Actions()
	if deletion, ok := actions[0].(clienttesting.DeleteActionImpl); len(actions) != 1 || !ok || *deletion.DeleteOptions.Preconditions.UID != "uid-1" {
		t.Errorf("calls = %v, want the deletion of uid-1", actions)
	}
}

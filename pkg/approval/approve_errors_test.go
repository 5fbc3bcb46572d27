package csr_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/csr"
)

// The request goes away, or the server refuses, between reading and approving.
func TestApproveWhenTheUpdateFails(t *testing.T) {
	resource := certificatesv1.Resource("certificatesigningrequests")
	conflict := apierrors.NewConflict(resource, "node-csr-1", errServer)
	tests := []struct {
		name    string
		err     error
		wantErr error
		tries   int // 0 means more than one
	}{
		{"gone", apierrors.NewNotFound(resource, "node-csr-1"), csr.ErrNotFound, 1},
		{"refused", errServer, errServer, 1},
		{"conflict each time", conflict, conflict, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCertificates(t, stored(t, newKey(t)))
			tries := 0
			client.PrependReactor("update", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
				tries++
				return true, nil, test.err
			})
			wantError(t, csr.Approve(t.Context(), client, csr.Decode(get(t, client))), test.wantErr)
			if tries != test.tries && (test.tries != 0 || tries < 2) {
				t.Errorf("%d tries, want %d", tries, test.tries)
			}
		})
	}
}

// The condition says who approved, and what stood there before stays.
func TestApproveAddsOneCondition(t *testing.T) {
	client := fakeCertificates(t, stored(t, newKey(t), with("Other")))
	if err := csr.Approve(t.Context(), client, csr.Decode(get(t, client))); err != nil {
		t.Fatal(err)
	}
	conditions := get(t, client).Status.Conditions
	if len(conditions) != 2 || conditions[0].Type != "Other" {
		t.Fatalf("conditions = %v, want the old one and a new one", conditions)
	}
	want := certificatesv1.CertificateSigningRequestCondition{
		Type: "Approved", Status: "True", Reason: "BootctlApprove", Message: "approved with bootctl csr approve",
	}
	if conditions[1] != want {
		t.Errorf("condition = %v, want %v", conditions[1], want)
	}
}

func TestListAndGetKeepErrorsOfTheServer(t *testing.T) {
	client := fakeCertificates(t, stored(t, newKey(t)))
	client.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errServer })
	_, err := csr.Get(t.Context(), client, "node-csr-1")
	wantError(t, err, errServer)
	wantError(t, csr.List(t.Context(), client, csr.Filter{}, func(csr.Request) error { return nil }), errServer)
	wantError(t, csr.Approve(t.Context(), client, csr.Request{Name: "node-csr-1"}), errServer)
}

func TestListReadsEveryPage(t *testing.T) {
	client := fakeCertificates(t)
	client.PrependReactor("list", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		page := &certificatesv1.CertificateSigningRequestList{Items: []object{*stored(t, newKey(t))}}
		if list, ok := action.(clienttesting.ListActionImpl); ok && list.ListOptions.Continue == "" {
			page.ListMeta = metav1.ListMeta{Continue: "more"}
		} else {
			page.Items[0].Name = "node-csr-2"
		}
		return true, page, nil
	})
	var names []string
	err := csr.List(t.Context(), client, csr.Filter{}, func(r csr.Request) error {
		names = append(names, r.Name)
		return nil
	})
	if err != nil || len(names) != 2 || names[0] == names[1] {
		t.Errorf("List yields %v, %v, want both", names, err)
	}
}

// Each differs from the request to be sent in one part of an extension, in the
// subject's order, or in the order of the usages, by which the name is made.
func TestSubmitComparesEachPart(t *testing.T) {
	key := newKey(t)
	extended := func(extension pkix.Extension) []byte {
		return pkcs10(t, key, func(r *x509.CertificateRequest) { r.ExtraExtensions = []pkix.Extension{extension} })
	}
	ours := extended(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}})
	request := func(text []byte) func(*object) { return func(o *object) { o.Spec.Request = text } }
	zero := int32(0)
	tests := []struct {
		name    string
		change  func(*object)
		wantErr error
	}{
		{"the same", func(*object) {}, nil},
		{"sent by someone else", func(o *object) { o.Spec.Username = "alice" }, nil},
		{"expiration of zero", func(o *object) { o.Spec.ExpirationSeconds = &zero }, nil},
		{"no extension", request(pkcs10(t, key)), csr.ErrDiffers},
		{"another value", request(extended(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 1}})), csr.ErrDiffers},
		{"another extension", request(extended(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 4}, Value: []byte{5, 0}})), csr.ErrDiffers},
		{"critical", request(extended(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}})), csr.ErrDiffers},
		{"fewer usages", usages("digital signature"), csr.ErrDiffers},
		{"more usages", usages("digital signature", "client auth", "key encipherment"), csr.ErrDiffers},
		{"usages in another order", usages("client auth", "digital signature"), csr.ErrDiffers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := newSpec(t, key)
			spec.Spec.Request = ours
			client := fakeCertificates(t, stored(t, key, request(ours), test.change))
			got, err := csr.Submit(t.Context(), client, spec)
			wantError(t, err, test.wantErr)
			if (got == nil) != (test.wantErr != nil) || (got != nil && got.UID != "uid-1") {
				t.Errorf("object = %v", got)
			}
		})
	}
}

// What is to be sent is compared too: a spec that cannot be read is not equal.
func TestSubmitOfJunk(t *testing.T) {
	key := newKey(t)
	spec := newSpec(t, key)
	spec.Spec.Request = []byte("x")
	_, err := csr.Submit(t.Context(), fakeCertificates(t, stored(t, key)), spec)
	wantError(t, err, csr.ErrDiffers)
}

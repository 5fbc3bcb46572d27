package approval_test

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

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// The request goes away, or the server refuses, between reading and approving.
func TestApproveWhenTheUpdateFails(t *testing.T) {
	resource := certificatesv1.Resource("certificatesigningrequests")
	conflict := apierrors.NewConflict(resource, "node-csr-1", testcsr.ErrServer)
	tests := []struct {
		name    string
		err     error
		wantErr error
		tries   int // 0 means more than one
	}{
		{"gone", apierrors.NewNotFound(resource, "node-csr-1"), csr.ErrNotFound, 1},
		{"refused", testcsr.ErrServer, testcsr.ErrServer, 1},
		{"conflict each time", conflict, conflict, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
			tries := 0
			client.PrependReactor("update", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
				tries++
				return true, nil, test.err
			})
			testcsr.WantError(t, approval.Approve(t.Context(), client, csr.Decode(testcsr.Get(t, client))), test.wantErr)
			if tries != test.tries && (test.tries != 0 || tries < 2) {
				t.Errorf("%d tries, want %d", tries, test.tries)
			}
		})
	}
}

// The condition says who approved, and what stood there before stays.
func TestApproveAddsOneCondition(t *testing.T) {
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t), testcsr.With("Other")))
	if err := approval.Approve(t.Context(), client, csr.Decode(testcsr.Get(t, client))); err != nil {
		t.Fatal(err)
	}
	conditions := testcsr.Get(t, client).Status.Conditions
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
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
	client.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, testcsr.ErrServer })
	_, err := csr.Get(t.Context(), client, "node-csr-1")
	testcsr.WantError(t, err, testcsr.ErrServer)
	testcsr.WantError(t, csr.List(t.Context(), client, csr.Filter{}, func(csr.Request) error { return nil }), testcsr.ErrServer)
	testcsr.WantError(t, approval.Approve(t.Context(), client, csr.Request{Name: "node-csr-1"}), testcsr.ErrServer)
}

func TestListReadsEveryPage(t *testing.T) {
	client := testcsr.FakeCertificates(t)
	client.PrependReactor("list", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		page := &certificatesv1.CertificateSigningRequestList{Items: []testcsr.Object{*testcsr.Stored(t, testcsr.NewKey(t))}}
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
		{"sent by someone else", func(o *testcsr.Object) { o.Spec.Username = "alice" }, nil},
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

// What is to be sent is compared too: a spec that cannot be read is not equal.
func TestSubmitOfJunk(t *testing.T) {
	key := testcsr.NewKey(t)
	spec := testcsr.NewSpec(t, key)
	spec.Spec.Request = []byte("x")
	_, err := csr.Submit(t.Context(), testcsr.FakeCertificates(t, testcsr.Stored(t, key)), spec)
	testcsr.WantError(t, err, csr.ErrDiffers)
}

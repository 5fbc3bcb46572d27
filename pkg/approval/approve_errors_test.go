package approval_test

import (
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// The CSR is deleted, or the API server returns an error, between reading and approving.
func TestApprove_UpdateFails(t *testing.T) {
	resource := certificatesv1.Resource("certificatesigningrequests")
	conflict := apierrors.NewConflict(resource, "node-csr-1", testcsr.ErrServer)
	tests := []struct {
		name    string
		err     error
		wantErr error
		tries   int // 0 means more than one
	}{
		{"deleted", apierrors.NewNotFound(resource, "node-csr-1"), csr.ErrNotFound, 1},
		{"server error", testcsr.ErrServer, testcsr.ErrServer, 1},
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

// The condition has the reason of bootctl, and existing conditions are kept.
func TestApprove_OneCondition(t *testing.T) {
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

func TestApprove_KeepsErrorsOfTheServer(t *testing.T) {
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
	client.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, testcsr.ErrServer })
	testcsr.WantError(t, approval.Approve(t.Context(), client, csr.Request{Name: "node-csr-1"}), testcsr.ErrServer)
}

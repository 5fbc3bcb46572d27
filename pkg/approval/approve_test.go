package approval_test

import (
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestApprove(t *testing.T) {
	key := testcsr.NewKey(t)
	evaluated := csr.Request{Name: "node-csr-1", UID: "uid-1"}
	tests := []struct {
		name     string
		there    []*testcsr.Object
		approved bool
		wantErr  error
	}{
		{"as evaluated", []*testcsr.Object{testcsr.Stored(t, key)}, true, nil},
		{"replaced", []*testcsr.Object{testcsr.Stored(t, key, func(o *testcsr.Object) { o.UID = "uid-2" })}, false, csr.ErrReplaced},
		{"deleted", nil, false, csr.ErrNotFound},
		{"denied meanwhile", []*testcsr.Object{testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateDenied))}, false, csr.ErrDenied},
		{"approved meanwhile", []*testcsr.Object{testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved))}, false, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := testcsr.FakeCertificates(t, test.there...)
			testcsr.WantError(t, approval.Approve(t.Context(), client, evaluated), test.wantErr)
			updates := 0
			for _, action := range client.Actions() {
				if action.Matches("update", "certificatesigningrequests/approval") {
					updates++
				}
			}
			if (updates > 0) != test.approved {
				t.Fatalf("%d approvals were sent", updates)
			}
			if !test.approved {
				return
			}
			conditions := testcsr.Get(t, client).Status.Conditions
			if len(conditions) != 1 || conditions[0].Type != certificatesv1.CertificateApproved || conditions[0].Status != "True" || conditions[0].Reason == "" {
				t.Errorf("conditions = %v", conditions)
			}
		})
	}
}

// Another CSR was created with the name between reading and approving; the API server
// rejects the approval because of the UID that was sent.
func TestApprove_SendsUID(t *testing.T) {
	key := testcsr.NewKey(t)
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
	var sent *testcsr.Object
	client.PrependReactor("update", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		update, ok := action.(clienttesting.UpdateAction)
		if ok {
			sent, _ = update.GetObject().(*testcsr.Object)
		}
		return true, nil, testcsr.ErrServer
	})
	testcsr.WantError(t, approval.Approve(t.Context(), client, csr.Decode(testcsr.Stored(t, key))), testcsr.ErrServer)
	if sent == nil || sent.UID != "uid-1" {
		t.Errorf("sent %v, want the UID", sent)
	}
}

func TestApprove_Conflict(t *testing.T) {
	key := testcsr.NewKey(t)
	conflict := apierrors.NewConflict(certificatesv1.Resource("certificatesigningrequests"), "node-csr-1", nil)
	tests := []struct {
		name    string
		uid     string // of the CSR when it is read again
		wantErr error
	}{
		{"same CSR", "uid-1", nil},
		{"replaced meanwhile", "uid-2", csr.ErrReplaced},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
			times := 0
			client.PrependReactor("update", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
				times++
				return times == 1, nil, conflict
			})
			client.PrependReactor("get", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
				if times == 0 {
					return false, nil, nil
				}
				return true, testcsr.Stored(t, key, func(o *testcsr.Object) { o.UID = types.UID(test.uid) }), nil
			})
			testcsr.WantError(t, approval.Approve(t.Context(), client, csr.Decode(testcsr.Stored(t, key))), test.wantErr)
		})
	}
}

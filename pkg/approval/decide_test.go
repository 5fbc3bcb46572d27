package approval_test

import (
	"errors"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestDeny(t *testing.T) {
	key := testcsr.NewKey(t)
	evaluated := csr.Request{Name: "node-csr-1", UID: "uid-1"}
	tests := []struct {
		name    string
		there   *testcsr.Object
		sent    bool
		wantErr error
	}{
		{"pending", testcsr.Stored(t, key), true, nil},
		{"denied before", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateDenied)), false, nil},
		{"approved meanwhile", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved)), false, approval.ErrApproved},
		{"failed meanwhile", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateFailed)), false, csr.ErrFailed},
		{"replaced", testcsr.Stored(t, key, func(o *testcsr.Object) { o.UID = "uid-2" }), false, csr.ErrReplaced},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := testcsr.FakeCertificates(t, test.there)
			before := len(test.there.Status.Conditions)
			approver := cluster(func(string, *authorizationv1.ResourceAttributes) bool { return true })
			approver.Certificates = client
			_, err := approval.Deny(t.Context(), approver, evaluated, approval.Denial{Reason: "Unknown", Message: "no such machine"})
			testcsr.WantError(t, err, test.wantErr)
			conditions := testcsr.Get(t, client).Status.Conditions
			if (len(conditions) > before) != test.sent {
				t.Fatalf("conditions = %v", conditions)
			}
			if test.sent && (conditions[0].Type != "Denied" || conditions[0].Status != "True" || conditions[0].Reason != "Unknown" || conditions[0].Message != "no such machine") {
				t.Errorf("condition = %v", conditions[0])
			}
		})
	}
}

func TestDelete(t *testing.T) {
	key := testcsr.NewKey(t)
	denied := testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateDenied))
	resource := certificatesv1.Resource("certificatesigningrequests")
	tests := []struct {
		name    string
		there   *testcsr.Object
		answer  error
		wantErr error
	}{
		{"denied", denied, nil, nil},
		{"pending", testcsr.Stored(t, key), nil, approval.ErrUndecided},
		{"deleted", denied, apierrors.NewNotFound(resource, "node-csr-1"), csr.ErrNotFound},
		{"replaced", denied, apierrors.NewConflict(resource, "node-csr-1", testcsr.ErrServer), csr.ErrReplaced},
		{"server error", denied, testcsr.ErrServer, testcsr.ErrServer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := testcsr.FakeCertificates(t, test.there)
			var sent []string
			client.PrependReactor("delete", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
				if deletion, ok := action.(clienttesting.DeleteActionImpl); ok && deletion.DeleteOptions.Preconditions != nil {
					sent = append(sent, string(*deletion.DeleteOptions.Preconditions.UID))
				}
				return test.answer != nil, nil, test.answer
			})
			_, err := approval.Delete(t.Context(), client, csr.Decode(test.there))
			testcsr.WantError(t, err, test.wantErr)
			if !errors.Is(test.wantErr, approval.ErrUndecided) && (len(sent) != 1 || sent[0] != "uid-1") {
				t.Errorf("sent the UIDs %q, want uid-1", sent)
			}
		})
	}
}

// The CSR that was evaluated is updated without another read; it is read again only if it
// has changed.
func TestApprove_EvaluatedVersion(t *testing.T) {
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
	evaluated := csr.Decode(testcsr.Get(t, client))
	client.ClearActions()
	if err := approval.Approve(t.Context(), client, evaluated); err != nil {
		t.Fatal(err)
	}
	if actions := client.Actions(); len(actions) != 1 || !actions[0].Matches("update", "certificatesigningrequests/approval") {
		t.Errorf("calls = %v, want one", actions)
	}
}

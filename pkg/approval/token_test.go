package approval_test

import (
	"errors"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// createdBy sets the name and the requester of a stored CSR.
func createdBy(name, user string) func(*testcsr.Object) {
	return func(o *testcsr.Object) { o.Name, o.Spec.Username = name, user }
}

func TestPendingByToken_Selects(t *testing.T) {
	key := testcsr.NewKey(t)
	client := testcsr.FakeCertificates(t,
		testcsr.Stored(t, key, createdBy("a1", "system:bootstrap:aaaaaa")),
		testcsr.Stored(t, key, createdBy("a2", "system:bootstrap:aaaaaa")),
		testcsr.Stored(t, key, createdBy("approved", "system:bootstrap:aaaaaa"), testcsr.With(certificatesv1.CertificateApproved)),
		testcsr.Stored(t, key, createdBy("b1", "system:bootstrap:bbbbbb")),
		testcsr.Stored(t, key, createdBy("other", "aaaaaa")),
	)
	pending, err := approval.PendingByToken(t.Context(), client, []string{"aaaaaa", "cccccc"})
	var names []string
	for _, r := range pending["aaaaaa"] {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	if err != nil || len(pending) != 1 || !slices.Equal(names, []string{"a1", "a2"}) {
		t.Errorf("pending %v for %d tokens, %v", names, len(pending), err)
	}
}

func TestDeny_NeedsPermission(t *testing.T) {
	key := testcsr.NewKey(t)
	for _, allowed := range []bool{true, false} {
		client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
		reviews := fake.NewClientset()
		reviews.PrependReactor("create", "selfsubjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, &authorizationv1.SelfSubjectAccessReview{Status: authorizationv1.SubjectAccessReviewStatus{Allowed: allowed}}, nil
		})
		caller := &kubeclient.Client{Certificates: client, Authorization: reviews.AuthorizationV1()}
		_, err := approval.Deny(t.Context(), caller, csr.Request{Name: "node-csr-1"}, approval.Denial{Reason: "Unknown"})
		var missing *kubeclient.MissingPermissionError
		if errors.As(err, &missing) == allowed || err != nil && missing == nil {
			t.Errorf("allowed %v: %v", allowed, err)
		}
		conditions := testcsr.Get(t, client).Status.Conditions
		if denied := len(conditions) == 1 && conditions[0].Type == certificatesv1.CertificateDenied; denied != allowed {
			t.Errorf("allowed %v: conditions %v", allowed, conditions)
		}
	}
}

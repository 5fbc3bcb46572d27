package approval_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

var errReview = errors.New("no review")

// reviewer answers access reviews, and records them.
type reviewer struct {
	*fake.Clientset
	asked []authorizationv1.SubjectAccessReviewSpec
}

func newReviewer(allow func(authorizationv1.SubjectAccessReviewSpec) (bool, error)) *reviewer {
	r := &reviewer{Clientset: fake.NewClientset()}
	r.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
		r.asked = append(r.asked, review.Spec)
		var err error
		review.Status.Allowed, err = allow(review.Spec)
		return true, review, err
	})
	return r
}

func by(user string) func(*testcsr.Object) { return func(o *testcsr.Object) { o.Spec.Username = user } }

func TestAutoApprovals(t *testing.T) {
	key := testcsr.NewKey(t)
	tests := []struct {
		name     string
		requests []*testcsr.Object
		reviews  int
		allow    func(authorizationv1.SubjectAccessReviewSpec) (bool, error)
		want     []csr.AutoApproval
		asked    int
	}{
		{"approved", []*testcsr.Object{testcsr.Stored(t, key)}, 2, subresource("nodeclient"), []csr.AutoApproval{csr.AutoApprovalYes}, 1},
		{"not approved", []*testcsr.Object{testcsr.Stored(t, key)}, 2, subresource("x"), []csr.AutoApproval{csr.AutoApprovalNo}, 1},
		{"one review for each requester", []*testcsr.Object{testcsr.Stored(t, key), testcsr.Stored(t, key), testcsr.Stored(t, key, by("other"))}, 9, subresource("nodeclient"),
			[]csr.AutoApproval{csr.AutoApprovalYes, csr.AutoApprovalYes, csr.AutoApprovalYes}, 2},
		{"the node itself", []*testcsr.Object{testcsr.Stored(t, key, by("system:node:"+testcsr.NodeName))}, 2, subresource("x"), []csr.AutoApproval{csr.AutoApprovalNo}, 2},
		{"too few reviews for the node itself", []*testcsr.Object{testcsr.Stored(t, key, by("system:node:"+testcsr.NodeName))}, 1, subresource("x"), []csr.AutoApproval{csr.AutoApprovalUnknown}, 0},
		{"no reviews left", []*testcsr.Object{testcsr.Stored(t, key), testcsr.Stored(t, key, by("other"))}, 1, subresource("nodeclient"), []csr.AutoApproval{csr.AutoApprovalYes, csr.AutoApprovalUnknown}, 1},
		{"another signer", []*testcsr.Object{testcsr.Stored(t, key, testcsr.Signer(csr.KubeletServing))}, 2, subresource("nodeclient"), []csr.AutoApproval{csr.AutoApprovalNo}, 0},
		{"invalid, and then valid", []*testcsr.Object{testcsr.Stored(t, key, testcsr.Usages("server auth")), testcsr.Stored(t, key)}, 2, subresource("nodeclient"), []csr.AutoApproval{csr.AutoApprovalNo, csr.AutoApprovalYes}, 1},
		{"review fails", []*testcsr.Object{testcsr.Stored(t, key)}, 2, func(authorizationv1.SubjectAccessReviewSpec) (bool, error) { return false, errReview }, []csr.AutoApproval{csr.AutoApprovalUnknown}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newReviewer(test.allow)
			auto := approval.AutoApprovals{Client: r.AuthorizationV1(), Reviews: test.reviews}
			var got []csr.AutoApproval
			for _, o := range test.requests {
				got = append(got, auto.Of(t.Context(), csr.Decode(o)))
			}
			if !slices.Equal(got, test.want) || len(r.asked) != test.asked {
				t.Errorf("%v after %d reviews, want %v after %d", got, len(r.asked), test.want, test.asked)
			}
			if failed := auto.Err != nil; failed != (test.name == "review fails") {
				t.Errorf("Err = %v", auto.Err)
			}
		})
	}
}

// subresource allows reviews of that subresource.
func subresource(name string) func(authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	return func(s authorizationv1.SubjectAccessReviewSpec) (bool, error) {
		return s.ResourceAttributes.Subresource == name, nil
	}
}

func TestAdminPermission(t *testing.T) {
	r := newReviewer(func(s authorizationv1.SubjectAccessReviewSpec) (bool, error) {
		return s.User == "u" && slices.Equal(s.Groups, []string{"g"}) && s.ResourceAttributes.Verb == "impersonate" && s.ResourceAttributes.Resource == "groups", nil
	})
	permission := func(ctx context.Context, user string) (string, error) {
		return approval.AdminPermission(ctx, r.AuthorizationV1(), user, []string{"g"})
	}
	if got, err := permission(t.Context(), "u"); got != "impersonate groups" || err != nil {
		t.Errorf("AdminPermission = %q, %v", got, err)
	}
	if got, err := permission(t.Context(), "v"); got != "" || err != nil {
		t.Errorf("AdminPermission = %q, %v", got, err)
	}
}

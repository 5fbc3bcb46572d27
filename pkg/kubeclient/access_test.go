package kubeclient_test

import (
	"errors"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Every permission must be allowed, for any version, and a failed review allows
// nothing.
func TestAccess_Reviews(t *testing.T) {
	errServer := errors.New("no authorizer")
	get := authorizationv1.ResourceAttributes{Verb: "get", Resource: "nodes"}
	list := authorizationv1.ResourceAttributes{Verb: "list", Resource: "nodes"}
	tests := []struct {
		name    string
		allowed []string // verbs
		err     error
		asked   []authorizationv1.ResourceAttributes
		want    bool
		wantErr error
	}{
		{"allowed", []string{"get"}, nil, []authorizationv1.ResourceAttributes{get}, true, nil},
		{"not allowed", []string{"list"}, nil, []authorizationv1.ResourceAttributes{get}, false, nil},
		{"both allowed", []string{"get", "list"}, nil, []authorizationv1.ResourceAttributes{get, list}, true, nil},
		{"only the first allowed", []string{"get"}, nil, []authorizationv1.ResourceAttributes{get, list}, false, nil},
		{"only the second allowed", []string{"list"}, nil, []authorizationv1.ResourceAttributes{get, list}, false, nil},
		{"an error", []string{"get"}, errServer, []authorizationv1.ResourceAttributes{get}, false, errServer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			review := func(a *authorizationv1.ResourceAttributes) authorizationv1.SubjectAccessReviewStatus {
				if a.Version != "*" {
					t.Errorf("asked for the version %q", a.Version)
				}
				for _, verb := range test.allowed {
					if verb == a.Verb {
						return authorizationv1.SubjectAccessReviewStatus{Allowed: true}
					}
				}
				return authorizationv1.SubjectAccessReviewStatus{}
			}
			client := fake.NewClientset()
			client.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
				asked := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview)
				return true, &authorizationv1.SelfSubjectAccessReview{Status: review(asked.Spec.ResourceAttributes)}, test.err
			})
			client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
				asked := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview)
				if asked.Spec.User != "u" || len(asked.Spec.Groups) != 1 || asked.Spec.Groups[0] != "g" {
					t.Errorf("asked for the user %q in %q", asked.Spec.User, asked.Spec.Groups)
				}
				return true, &authorizationv1.SubjectAccessReview{Status: review(asked.Spec.ResourceAttributes)}, test.err
			})
			if got, err := kubeclient.CanI(t.Context(), client.AuthorizationV1(), test.asked...); got != test.want || !errors.Is(err, test.wantErr) {
				t.Errorf("CanI = %v, %v, want %v, %v", got, err, test.want, test.wantErr)
			}
			if got, err := kubeclient.Can(t.Context(), client.AuthorizationV1(), "u", []string{"g"}, test.asked...); got != test.want || !errors.Is(err, test.wantErr) {
				t.Errorf("Can = %v, %v, want %v, %v", got, err, test.want, test.wantErr)
			}
		})
	}
}

package setup_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testapi"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func forbidden(verb, resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", fmt.Errorf(`User "u" cannot %s resource %q`, verb, resource))
}

// Missing permissions are reported before anything is changed.
func TestApply_MissingPermissions(t *testing.T) {
	tests := []struct{ verb, resource string }{
		{"get", "roles"}, {"get", "rolebindings"}, {"get", "clusterroles"}, {"get", "clusterrolebindings"}, {"get", "configmaps"},
		{"list", "secrets"}, {"create", "roles"}, {"create", "rolebindings"}, {"create", "clusterroles"}, {"create", "clusterrolebindings"},
		{"create", "configmaps"},
	}
	for _, test := range tests {
		t.Run(test.verb+" "+test.resource, func(t *testing.T) {
			c := newCluster(t)
			c.reactTo(test.verb, test.resource, forbidden(test.verb, test.resource))
			results, err := c.setup(nodes()).Apply(t.Context())
			var denied *kubeclient.MissingPermissionError
			if !errors.As(err, &denied) || results != nil || len(denied.Missing) != 1 || !strings.Contains(err.Error(), fmt.Sprintf("cannot %s resource %q", test.verb, test.resource)) {
				t.Errorf("results %v, error %v", results, err)
			}
			if got := c.changes(); len(got) > 0 {
				t.Errorf("changes %v", got)
			}
		})
	}
	t.Run("several", func(t *testing.T) {
		c := newCluster(t)
		for _, test := range tests[6:] {
			c.reactTo(test.verb, test.resource, forbidden(test.verb, test.resource))
		}
		var denied *kubeclient.MissingPermissionError
		if _, err := c.setup(nodes()).Apply(t.Context()); !errors.As(err, &denied) || len(denied.Missing) != 5 {
			t.Errorf("error %v, want all five", err)
		}
	})
}

// Other errors are returned unchanged.
func TestApply_ServerRefuses(t *testing.T) {
	admission := apierrors.NewForbidden(rbacv1.Resource("clusterroles"), "kubeadm:get-nodes", errServer)
	for _, resource := range []string{"roles", "rolebindings", "clusterroles", "clusterrolebindings", "configmaps"} {
		for _, verb := range []string{"get", "create"} {
			t.Run(verb+" "+resource, func(t *testing.T) {
				c := newCluster(t)
				c.reactTo(verb, resource, admission)
				results, err := c.setup(nodes()).Apply(t.Context())
				var denied *kubeclient.MissingPermissionError
				if !apierrors.IsForbidden(err) || errors.As(err, &denied) || results != nil {
					t.Errorf("results %v, error %v, want the server's error", results, err)
				}
				if got := c.changes(); len(got) > 0 {
					t.Errorf("changes %v", got)
				}
			})
		}
	}
}

// A webhook that rejects dry runs does not prevent the changes.
func TestApply_DryRunUnsupported(t *testing.T) {
	c := newCluster(t)
	c.PrependReactor("create", "clusterroles", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if !testapi.IsDryRun(action) {
			return false, nil, nil
		}
		return true, nil, apierrors.NewBadRequest("admission webhook x does not support dry run")
	})
	c.must(t, nodes())
}

// A binding of a role that does not exist yet is validated by the caller's permissions.
func TestApply_BindingsOfNewRoles(t *testing.T) {
	tests := []struct {
		name    string
		allowed func(*authorizationv1.ResourceAttributes) bool
		missing int
	}{
		{"may bind", func(a *authorizationv1.ResourceAttributes) bool { return a.Verb == "bind" }, 0},
		{"has the rules", func(a *authorizationv1.ResourceAttributes) bool {
			return a.Verb == "get" && (a.Resource == "nodes" || a.Resource == "configmaps" && a.Name == "cluster-info" && a.Namespace == "kube-public")
		}, 0},
		{"has one of them", func(a *authorizationv1.ResourceAttributes) bool { return a.Verb == "get" && a.Resource == "nodes" }, 1},
		{"neither", func(*authorizationv1.ResourceAttributes) bool { return false }, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t)
			for _, resource := range []string{"rolebindings", "clusterrolebindings"} {
				c.PrependReactor("create", resource, func(action clienttesting.Action) (bool, runtime.Object, error) {
					create, _ := action.(clienttesting.CreateActionImpl)
					if name := nameOf(create.Object); testapi.IsDryRun(action) && (name == "kubeadm:get-nodes" || name == "kubeadm:bootstrap-signer-clusterinfo") {
						return true, nil, apierrors.NewNotFound(rbacv1.Resource("clusterroles"), name)
					}
					return false, nil, nil
				})
			}
			c.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
				create, _ := action.(clienttesting.CreateActionImpl)
				asked, _ := create.Object.(*authorizationv1.SelfSubjectAccessReview)
				return true, &authorizationv1.SelfSubjectAccessReview{Status: authorizationv1.SubjectAccessReviewStatus{Allowed: test.allowed(asked.Spec.ResourceAttributes)}}, nil
			})
			_, err := c.setup(nodes()).Apply(t.Context())
			var denied *kubeclient.MissingPermissionError
			if !errors.As(err, &denied) {
				if test.missing > 0 || err != nil {
					t.Errorf("error %v, want %d missing", err, test.missing)
				}
				return
			}
			if len(denied.Missing) != test.missing || !strings.Contains(err.Error(), "the verb bind on") {
				t.Errorf("error %v, want %d missing", err, test.missing)
			}
			if _, err := c.RbacV1().ClusterRoles().Get(t.Context(), "kubeadm:get-nodes", metav1.GetOptions{}); err == nil {
				t.Error("a role was created")
			}
		})
	}
}

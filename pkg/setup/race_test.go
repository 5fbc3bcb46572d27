package setup_test

import (
	"errors"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/setup"
)

// Between looking and creating, someone else creates an object of the name.
func TestApplyWhenSomeoneElseCreates(t *testing.T) {
	objects := []setup.Object{{Kind: "ClusterRole", Name: "r", Rules: []rbacv1.PolicyRule{
		{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}},
	}}}
	tests := []struct {
		name, verb string // what the object of the other grants
		wantErr    error
	}{
		{"the same", "get", nil},
		{"something else", "*", setup.ErrDiffers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fake.NewClientset()
			client.PrependReactor("create", "clusterroles", func(clienttesting.Action) (bool, runtime.Object, error) {
				other := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "r"}, Rules: []rbacv1.PolicyRule{
					{Verbs: []string{test.verb}, APIGroups: []string{""}, Resources: []string{"nodes"}},
				}}
				if err := client.Tracker().Add(other); err != nil {
					t.Error(err)
				}
				return true, nil, apierrors.NewAlreadyExists(rbacv1.Resource("clusterroles"), "r")
			})
			results, err := setup.Apply(t.Context(), client.RbacV1(), objects)
			if !errors.Is(err, test.wantErr) {
				t.Errorf("error = %v, want %v", err, test.wantErr)
			}
			for _, result := range results {
				if result.Created {
					t.Errorf("%s was created by someone else", result.Object)
				}
			}
		})
	}
}

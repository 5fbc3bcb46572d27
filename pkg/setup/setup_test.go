package setup_test

import (
	"errors"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/bootctl/bootctl/pkg/setup"
)

func TestApplyCreatesOnce(t *testing.T) {
	client := fake.NewClientset()
	for _, wantCreated := range []bool{true, false} {
		results, err := setup.Apply(t.Context(), client.RbacV1(), setup.Objects(setup.AutoApproveNodes))
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range results {
			if result.Created != wantCreated {
				t.Errorf("%s: created %v, want %v", result.Object, result.Created, wantCreated)
			}
		}
	}
	role, err := client.RbacV1().Roles("kube-public").Get(t.Context(), "kubeadm:bootstrap-signer-clusterinfo", metav1.GetOptions{})
	if err != nil || role.Labels[setup.Label] != setup.LabelValue {
		t.Errorf("role %v has not the label (%v)", role, err)
	}
}

func TestApplyRefusesWhatDiffers(t *testing.T) {
	for _, object := range setup.Objects(setup.AutoApproveNodes) {
		t.Run(object.String(), func(t *testing.T) {
			other := object
			if len(object.Rules) > 0 {
				other.Rules = slices.Clone(object.Rules)
				other.Rules[0].Verbs = append([]string{"delete"}, object.Rules[0].Verbs...)
			} else {
				other.Subjects = slices.Clone(object.Subjects)
				other.Subjects[0].Name = "someone-else"
			}
			client := fake.NewClientset()
			if _, err := setup.Apply(t.Context(), client.RbacV1(), []setup.Object{other}); err != nil {
				t.Fatal(err)
			}
			client.ClearActions()
			_, err := setup.Apply(t.Context(), client.RbacV1(), setup.Objects(setup.AutoApproveNodes))
			if !errors.Is(err, setup.ErrDiffers) {
				t.Errorf("error = %v, want ErrDiffers", err)
			}
			for _, action := range client.Actions() {
				if action.GetVerb() != "get" {
					t.Errorf("it did %s %s before it found the difference", action.GetVerb(), action.GetResource().Resource)
				}
			}
		})
	}
}

// Where each node is to be approved by a person, what approves them at once must
// not be left from before.
func TestApplyWithoutApproval(t *testing.T) {
	client := fake.NewClientset()
	for _, object := range setup.Objects(setup.AutoApproveNone) {
		if isApproval := object.Name == "kubeadm:node-autoapprove-bootstrap"; object.Unwanted != isApproval {
			t.Errorf("%s is unwanted: %v", object, object.Unwanted)
		}
	}
	if _, err := setup.Apply(t.Context(), client.RbacV1(), setup.Objects(setup.AutoApproveNone)); err != nil {
		t.Fatal(err)
	}
	bindings, err := client.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(bindings.Items) != 3 {
		t.Errorf("%d cluster role bindings, want 3 (%v)", len(bindings.Items), err)
	}
	if _, err := setup.Apply(t.Context(), client.RbacV1(), setup.Objects(setup.AutoApproveNodes)); err != nil {
		t.Fatal(err)
	}
	if _, err := setup.Apply(t.Context(), client.RbacV1(), setup.Objects(setup.AutoApproveNone)); !errors.Is(err, setup.ErrDiffers) {
		t.Errorf("error = %v, want ErrDiffers", err)
	}
}

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

func TestObjectsWithoutApproval(t *testing.T) {
	for _, object := range setup.Objects(setup.AutoApproveNone) {
		if object.Name == "kubeadm:node-autoapprove-bootstrap" {
			t.Error("nodes are approved by themselves")
		}
	}
	if got := len(setup.Objects(setup.AutoApproveNodes)) - len(setup.Objects(setup.AutoApproveNone)); got != 1 {
		t.Errorf("%d objects differ, want the one binding", got)
	}
}

package setup_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/setup"
)

var errServer = errors.New("trouble in the server")

// reactTo makes the client answer a verb on a resource with err.
func reactTo(client *fake.Clientset, verb, resource string, err error) {
	client.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
}

// created returns the objects that the client was asked to create.
func created(t *testing.T, client *fake.Clientset) []setup.Object {
	t.Helper()
	var objects []setup.Object
	for _, action := range client.Actions() {
		create, ok := action.(clienttesting.CreateAction)
		if !ok {
			continue
		}
		var object setup.Object
		var meta metav1.ObjectMeta
		switch o := create.GetObject().(type) {
		case *rbacv1.Role:
			object, meta = setup.Object{Kind: "Role", Rules: o.Rules}, o.ObjectMeta
		case *rbacv1.RoleBinding:
			object, meta = setup.Object{Kind: "RoleBinding", RoleRef: o.RoleRef, Subjects: o.Subjects}, o.ObjectMeta
		case *rbacv1.ClusterRole:
			object, meta = setup.Object{Kind: "ClusterRole", Rules: o.Rules}, o.ObjectMeta
		case *rbacv1.ClusterRoleBinding:
			object, meta = setup.Object{Kind: "ClusterRoleBinding", RoleRef: o.RoleRef, Subjects: o.Subjects}, o.ObjectMeta
		}
		if want := map[string]string{"app.kubernetes.io/managed-by": "bootctl"}; !reflect.DeepEqual(meta.Labels, want) {
			t.Errorf("%s %s has the labels %v, want %v", object.Kind, meta.Name, meta.Labels, want)
		}
		object.Namespace, object.Name = meta.Namespace, meta.Name
		objects = append(objects, object)
	}
	return objects
}

func TestApplyCreatesJustTheObjects(t *testing.T) {
	for _, approval := range []setup.Approval{setup.AutoApproveNodes, setup.AutoApproveNone} {
		t.Run(string(approval), func(t *testing.T) {
			client := fake.NewClientset()
			want := setup.Objects(approval)
			results, err := setup.Apply(t.Context(), client.RbacV1(), want)
			want = slices.DeleteFunc(want, func(o setup.Object) bool { return o.Unwanted })
			if err != nil || len(results) != len(want) {
				t.Fatalf("results %v, %v", results, err)
			}
			if got := created(t, client); !reflect.DeepEqual(got, want) {
				t.Errorf("created %+v\nwant %+v", got, want)
			}
			client.ClearActions()
			if _, err := setup.Apply(t.Context(), client.RbacV1(), want); err != nil {
				t.Fatal(err)
			}
			for _, action := range client.Actions() {
				if action.GetVerb() != "get" {
					t.Errorf("the second time it did %s", action.GetVerb())
				}
			}
		})
	}
}

// Of an object that is there and grants the same, labels do not matter: kubeadm
// sets none.
func TestApplyCreatesOnlyWhatIsMissing(t *testing.T) {
	all := setup.Objects(setup.AutoApproveNodes)
	for missing, object := range all {
		t.Run(object.String(), func(t *testing.T) {
			client := fake.NewClientset()
			there := slices.Delete(slices.Clone(all), missing, missing+1)
			if _, err := setup.Apply(t.Context(), client.RbacV1(), there); err != nil {
				t.Fatal(err)
			}
			client.ClearActions()
			results, err := setup.Apply(t.Context(), client.RbacV1(), all)
			if err != nil {
				t.Fatal(err)
			}
			for i, result := range results {
				if result.Created != (i == missing) || result.Object.String() != all[i].String() {
					t.Errorf("%s: created %v", result.Object, result.Created)
				}
			}
			if got := created(t, client); len(got) != 1 || got[0].String() != object.String() {
				t.Errorf("created %v, want %v", got, object)
			}
		})
	}
}

func TestApplyComparesEachPart(t *testing.T) {
	role, binding := "kubeadm:get-nodes", "kubeadm:kubelet-bootstrap"
	tests := []struct {
		name, object string
		change       func(*setup.Object)
		wantErr      error
	}{
		{"the same role", role, func(*setup.Object) {}, nil},
		{"the same binding", binding, func(*setup.Object) {}, nil},
		{"more verbs", role, func(o *setup.Object) { o.Rules[0].Verbs = []string{"get", "list"} }, setup.ErrDiffers},
		{"more resources", role, func(o *setup.Object) { o.Rules[0].Resources = []string{"nodes", "secrets"} }, setup.ErrDiffers},
		{"other API group", role, func(o *setup.Object) { o.Rules[0].APIGroups = []string{"*"} }, setup.ErrDiffers},
		{"names", role, func(o *setup.Object) { o.Rules[0].ResourceNames = []string{"x"} }, setup.ErrDiffers},
		{"second rule", role, func(o *setup.Object) { o.Rules = append(o.Rules, o.Rules[0]) }, setup.ErrDiffers},
		{"no rule", role, func(o *setup.Object) { o.Rules = nil }, setup.ErrDiffers},
		{"other role", binding, func(o *setup.Object) { o.RoleRef.Name = "cluster-admin" }, setup.ErrDiffers},
		{"other group", binding, func(o *setup.Object) { o.Subjects[0].Name = "system:authenticated" }, setup.ErrDiffers},
		{"user for group", binding, func(o *setup.Object) { o.Subjects[0].Kind = "User" }, setup.ErrDiffers},
		{"second subject", binding, func(o *setup.Object) { o.Subjects = append(o.Subjects, o.Subjects[0]) }, setup.ErrDiffers},
		{"no subject", binding, func(o *setup.Object) { o.Subjects = nil }, setup.ErrDiffers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			there := setup.Objects(setup.AutoApproveNodes)
			at := slices.IndexFunc(there, func(o setup.Object) bool { return o.Name == test.object })
			test.change(&there[at])
			client := fake.NewClientset()
			if _, err := setup.Apply(t.Context(), client.RbacV1(), there[at:at+1]); err != nil {
				t.Fatal(err)
			}
			client.ClearActions()
			results, err := setup.Apply(t.Context(), client.RbacV1(), setup.Objects(setup.AutoApproveNodes))
			if !errors.Is(err, test.wantErr) || (results == nil) != (test.wantErr != nil) {
				t.Errorf("results %v, error %v, want %v", results, err, test.wantErr)
			}
			if got := created(t, client); test.wantErr != nil && len(got) != 0 {
				t.Errorf("created %v before it found the difference", got)
			}
			if err != nil && !strings.Contains(err.Error(), test.object) {
				t.Errorf("error %q does not name the object", err)
			}
		})
	}
}

func TestApplyWhenTheServerRefuses(t *testing.T) {
	forbidden := apierrors.NewForbidden(rbacv1.Resource("clusterroles"), "kubeadm:get-nodes", errServer)
	for _, resource := range []string{"roles", "rolebindings", "clusterroles", "clusterrolebindings"} {
		for _, verb := range []string{"get", "create"} {
			t.Run(verb+" "+resource, func(t *testing.T) {
				client := fake.NewClientset()
				reactTo(client, verb, resource, forbidden)
				results, err := setup.Apply(t.Context(), client.RbacV1(), setup.Objects(setup.AutoApproveNodes))
				if !apierrors.IsForbidden(err) || results != nil {
					t.Errorf("results %v, error %v, want that of the server", results, err)
				}
				if got := created(t, client); verb == "get" && len(got) != 0 {
					t.Errorf("created %v, though it could not look at all", got)
				}
			})
		}
	}
}

func TestObjectString(t *testing.T) {
	tests := []struct {
		name   string
		object setup.Object
		want   string
	}{
		{"in a namespace", setup.Object{Kind: "Role", Namespace: "kube-public", Name: "a"}, "Role kube-public/a"},
		{"of the cluster", setup.Object{Kind: "ClusterRole", Name: "a"}, "ClusterRole a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.object.String(); got != test.want {
				t.Errorf("String = %q, want %q", got, test.want)
			}
		})
	}
}

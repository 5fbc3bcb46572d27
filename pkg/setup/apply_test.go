package setup_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/setup"
)

func TestApply_CreatesObjects(t *testing.T) {
	for _, options := range []setup.Options{{}, {Approval: setup.AutoApproveNone}, {Group: "system:bootstrappers:nodes"}} {
		t.Run(options.Group+string(options.Approval), func(t *testing.T) {
			c := newCluster(t)
			want := setup.Objects(options)
			results, err := c.setup(want).Apply(t.Context())
			want = slices.DeleteFunc(want, func(o setup.Object) bool { return o.Unwanted })
			if err != nil || len(results) != len(want)+1 {
				t.Fatalf("results %v, %v", results, err)
			}
			for name, action := range actions(results) {
				if action != setup.Created {
					t.Errorf("%s: %s", name, action)
				}
			}
			if got := c.created(t); !reflect.DeepEqual(got, want) {
				t.Errorf("created %+v\nwant %+v", got, want)
			}
			info, err := c.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
			if err != nil || info.Data["kubeconfig"] != string(c.document) || info.Labels[setup.Label] != setup.LabelValue {
				t.Errorf("cluster-info %v (%v)", info, err)
			}
			c.ClearActions()
			results, err = c.setup(want).Apply(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for name, action := range actions(results) {
				if action != setup.Unchanged {
					t.Errorf("Apply again: %s: %s", name, action)
				}
			}
			if got := c.changes(); len(got) > 0 {
				t.Errorf("Apply again: changes %v", got)
			}
		})
	}
}

// Labels of an existing object that grants the same do not matter: kubeadm sets none.
func TestApply_OnlyMissing(t *testing.T) {
	all := nodes()
	for missing, object := range all {
		t.Run(object.String(), func(t *testing.T) {
			c := newCluster(t)
			c.must(t, slices.Delete(slices.Clone(all), missing, missing+1))
			results, err := c.setup(all).Apply(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for name, action := range actions(results) {
				if (action == setup.Created) != (name == object.Kind+" "+object.Name) {
					t.Errorf("%s: %s", name, action)
				}
			}
			if got := c.created(t); len(got) != 1 || got[0].String() != object.String() {
				t.Errorf("created %v, want %v", got, object)
			}
		})
	}
}

func TestApply_ComparesEachPart(t *testing.T) {
	const role, binding = "ClusterRole kubeadm:get-nodes", "ClusterRoleBinding kubeadm:kubelet-bootstrap"
	tests := []struct {
		name, object string
		change       func(*setup.Object)
		want         string // in the error; empty if nothing differs
	}{
		{"same role", role, func(*setup.Object) {}, ""},
		{"same binding", binding, func(*setup.Object) {}, ""},
		{"duplicate rule", role, func(o *setup.Object) { o.Rules = append(o.Rules, o.Rules[0]) }, ""},
		{"more verbs", role, func(o *setup.Object) { o.Rules[0].Verbs = []string{"get", "list"} }, "it has list nodes"},
		{"more resources", role, func(o *setup.Object) { o.Rules[0].Resources = []string{"nodes", "secrets"} }, "it has get secrets"},
		{"all API groups", role, func(o *setup.Object) { o.Rules[0].APIGroups = []string{"*"} }, "it has get nodes in the API group *"},
		{"names", role, func(o *setup.Object) { o.Rules[0].ResourceNames = []string{"x"} }, "it lacks get nodes"},
		{"no rule", role, func(o *setup.Object) { o.Rules = nil }, "it lacks get nodes"},
		{"a path", role, func(o *setup.Object) {
			o.Rules = append(o.Rules, rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics"}})
		}, "it has get /metrics"},
		{"other role", binding, func(o *setup.Object) { o.RoleRef.Name = "cluster-admin" }, "it lacks the ClusterRole system:node-bootstrapper; it has the ClusterRole cluster-admin"},
		{"other group", binding, func(o *setup.Object) { o.Subjects[0].Name = "system:authenticated" },
			"it lacks the group system:bootstrappers:kubeadm:default-node-token; it has the group system:authenticated"},
		{"user instead of group", binding, func(o *setup.Object) { o.Subjects[0].Kind = "User" }, "it has the user system:bootstrappers:kubeadm:default-node-token"},
		{"second subject", binding, func(o *setup.Object) {
			o.Subjects = append(o.Subjects, rbacv1.Subject{Kind: "ServiceAccount", Namespace: "n", Name: "s"})
		}, "it has the serviceaccount n/s"},
		{"no subject", binding, func(o *setup.Object) { o.Subjects = nil }, "it lacks the group"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t)
			c.must(t, changed(t, test.object, test.change))
			results, err := c.setup(nodes()).Apply(t.Context())
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, setup.ErrDiffers) || results != nil || !strings.Contains(err.Error(), test.object+": ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("results %v, error %v, want one with %q", results, err, test.want)
			}
			if got := c.changes(); len(got) > 0 {
				t.Errorf("changes before the difference was found: %v", got)
			}
			c.ClearActions()
			results, err = c.setup(nodes(), force).Apply(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for name, action := range actions(results) {
				if (action == setup.Updated) != (name == test.object) {
					t.Errorf("with force, %s: %s", name, action)
				}
			}
			c.must(t, nodes()) // which finds no difference
		})
	}
}

// All differences are reported at once, including cluster-info's.
func TestApply_AllDifferences(t *testing.T) {
	c := newCluster(t)
	there := changed(t, "ClusterRole kubeadm:get-nodes", func(o *setup.Object) { o.Rules = nil })
	there[3].Subjects = nil
	c.must(t, there)
	c.document = document(t, "192.0.2.2:6443")
	_, err := c.setup(nodes(), func(s *setup.Setup) { s.Keep = false }).Apply(t.Context())
	for _, want := range []string{"ClusterRole kubeadm:get-nodes: ", "ClusterRoleBinding kubeadm:get-nodes: ",
		"ConfigMap kube-public/cluster-info: it exists and differs from what setup creates: it has the address https://192.0.2.1:6443 instead of https://192.0.2.2:6443"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// The role of a binding cannot be changed, so the binding is recreated with its labels
// and annotations.
func TestApply_ForceRecreatesBinding(t *testing.T) {
	c := newCluster(t)
	there := changed(t, "ClusterRoleBinding kubeadm:kubelet-bootstrap", func(o *setup.Object) { o.RoleRef.Name = "view" })
	c.must(t, there)
	bindings := c.RbacV1().ClusterRoleBindings()
	found, err := bindings.Get(t.Context(), "kubeadm:kubelet-bootstrap", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found.Labels, found.Annotations = map[string]string{"theirs": "yes"}, map[string]string{"note": "kept"}
	if _, err := bindings.Update(t.Context(), found, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.ClearActions()
	c.setupMust(t, force)
	want := []string{"delete clusterrolebindings kubeadm:kubelet-bootstrap", "create clusterrolebindings kubeadm:kubelet-bootstrap"}
	if got := c.changes(); !slices.Equal(got, want) {
		t.Errorf("changes %v, want %v", got, want)
	}
	found, err = bindings.Get(t.Context(), "kubeadm:kubelet-bootstrap", metav1.GetOptions{})
	if err != nil || !maps.Equal(found.Labels, map[string]string{"theirs": "yes", setup.Label: setup.LabelValue}) || found.Annotations["note"] != "kept" || found.RoleRef.Name != "system:node-bootstrapper" {
		t.Errorf("binding %v (%v)", found, err)
	}
}

func (c cluster) setupMust(t *testing.T, changes ...func(*setup.Setup)) {
	t.Helper()
	if _, err := c.setup(nodes(), changes...).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestApply_DryRun(t *testing.T) {
	c := newCluster(t)
	results, err := c.setup(nodes(), dryRun).Apply(t.Context())
	if err != nil || len(results) != 8 || actions(results)["ConfigMap cluster-info"] != setup.Created {
		t.Errorf("results %v (%v)", results, err)
	}
	if got := c.changes(); len(got) > 0 {
		t.Errorf("changes %v", got)
	}
	c.must(t, nodes())
	results, err = c.setup(nodes(), dryRun).Remove(t.Context())
	if err != nil || len(results) != 8 || actions(results)["ConfigMap cluster-info"] != setup.Deleted {
		t.Errorf("removal: results %v (%v)", results, err)
	}
	if got := c.changes(); len(got) > 0 {
		t.Errorf("removal: changes %v", got)
	}
}

// If an administrator approves each node, an existing binding for automatic approval
// must be deleted.
func TestApply_NoApproval(t *testing.T) {
	none := setup.Objects(setup.Options{Approval: setup.AutoApproveNone})
	for _, object := range none {
		if isApproval := object.Name == "kubeadm:node-autoapprove-bootstrap"; object.Unwanted != isApproval {
			t.Errorf("%s is unwanted: %v", object, object.Unwanted)
		}
	}
	c := newCluster(t)
	c.must(t, none)
	bindings, err := c.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(bindings.Items) != 3 {
		t.Errorf("%d cluster role bindings, want 3 (%v)", len(bindings.Items), err)
	}
	c.must(t, nodes())
	if _, err := c.setup(none).Apply(t.Context()); !errors.Is(err, setup.ErrDiffers) || !strings.Contains(err.Error(), "automatic approval of new nodes") {
		t.Errorf("error = %v, want ErrDiffers", err)
	}
	c.ClearActions()
	if _, err := c.setup(none, force).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.changes(); !slices.Equal(got, []string{"delete clusterrolebindings kubeadm:node-autoapprove-bootstrap"}) {
		t.Errorf("changes %v", got)
	}
}

// Between reading and creating, another client creates an object with the name.
func TestApply_ConcurrentCreate(t *testing.T) {
	tests := []struct {
		name    string
		there   func(*setup.Object)
		wantErr error
	}{
		{"same object", func(*setup.Object) {}, nil},
		{"different object", func(o *setup.Object) { o.Rules[0].Verbs = []string{"*"} }, setup.ErrDiffers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const role = "kubeadm:get-nodes"
			c := newCluster(t)
			other := changed(t, "ClusterRole "+role, test.there)[2]
			c.PrependReactor("create", "clusterroles", func(action clienttesting.Action) (bool, runtime.Object, error) {
				if _, err := c.Tracker().Get(action.GetResource(), "", role); err == nil {
					return false, nil, nil
				}
				if err := c.Tracker().Add(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: role}, Rules: other.Rules}); err != nil {
					t.Error(err)
				}
				return true, nil, apierrors.NewAlreadyExists(rbacv1.Resource("clusterroles"), role)
			})
			results, err := c.setup(nodes()).Apply(t.Context())
			if !errors.Is(err, test.wantErr) {
				t.Errorf("error = %v, want %v", err, test.wantErr)
			}
			if got := actions(results)["ClusterRole "+role]; test.wantErr == nil && got != setup.Unchanged {
				t.Errorf("the other client's object is %s", got)
			}
		})
	}
}

// The binding for automatic approval is created on a new cluster, and not added to a
// cluster that was set up without it.
func TestApply_KeepsPolicy(t *testing.T) {
	keep := setup.Objects(setup.Options{Approval: setup.AutoApproveKeep})
	none := setup.Objects(setup.Options{Approval: setup.AutoApproveNone})
	last := func(results []setup.Result) setup.Action { return results[len(keep)-1].Action }
	c := newCluster(t)
	if got := last(c.must(t, keep)); got != setup.Created {
		t.Errorf("on a new cluster: %s", got)
	}
	if got := last(c.must(t, keep)); got != setup.Unchanged {
		t.Errorf("if it exists: %s", got)
	}
	other := newCluster(t)
	other.must(t, none)
	if got := last(other.must(t, keep)); got != setup.Skipped {
		t.Errorf("if it is missing: %s", got)
	}
	if got := last(other.must(t, nodes())); got != setup.Created {
		t.Errorf("if it is requested: %s", got)
	}
}

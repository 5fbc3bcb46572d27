package setup_test

import (
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

// names returns the existing RBAC objects and ConfigMaps.
func (c cluster) names(t *testing.T) []string {
	t.Helper()
	var names []string
	add := func(list runtime.Object, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		switch l := list.(type) {
		case *rbacv1.RoleList:
			for _, o := range l.Items {
				names = append(names, "Role "+o.Name)
			}
		case *rbacv1.RoleBindingList:
			for _, o := range l.Items {
				names = append(names, "RoleBinding "+o.Name)
			}
		case *rbacv1.ClusterRoleList:
			for _, o := range l.Items {
				names = append(names, "ClusterRole "+o.Name)
			}
		case *rbacv1.ClusterRoleBindingList:
			for _, o := range l.Items {
				names = append(names, "ClusterRoleBinding "+o.Name)
			}
		}
	}
	all := metav1.ListOptions{}
	roles, err := c.RbacV1().Roles("").List(t.Context(), all)
	add(roles, err)
	roleBindings, err := c.RbacV1().RoleBindings("").List(t.Context(), all)
	add(roleBindings, err)
	clusterRoles, err := c.RbacV1().ClusterRoles().List(t.Context(), all)
	add(clusterRoles, err)
	bindings, err := c.RbacV1().ClusterRoleBindings().List(t.Context(), all)
	add(bindings, err)
	if _, err := c.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{}); err == nil {
		names = append(names, "ConfigMap cluster-info")
	}
	return names
}

func TestRemove_All(t *testing.T) {
	c := newCluster(t)
	c.must(t, nodes())
	results, err := c.setup(nodes()).Remove(t.Context())
	if err != nil || len(results) != 8 {
		t.Fatalf("results %v (%v)", results, err)
	}
	for name, action := range actions(results) {
		if action != setup.Deleted {
			t.Errorf("%s: %s", name, action)
		}
	}
	if left := c.names(t); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if results, err := c.setup(nodes()).Remove(t.Context()); err != nil || len(results) != 0 {
		t.Errorf("Remove again: results %v (%v)", results, err)
	}
}

// Setup did not create objects without its label.
func TestRemove_KeepsUnlabeledObjects(t *testing.T) {
	for _, object := range nodes() {
		t.Run(object.String(), func(t *testing.T) {
			c := newCluster(t)
			c.must(t, nodes())
			c.unlabel(t, object)
			results, err := c.setup(nodes()).Remove(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			name := object.Kind + " " + object.Name
			if got := actions(results)[name]; got != setup.Kept {
				t.Errorf("%s: %s, want kept", name, got)
			}
			if left := c.names(t); !slices.Equal(left, []string{name}) {
				t.Errorf("left %v, want only that", left)
			}
		})
	}
	t.Run("cluster-info", func(t *testing.T) {
		c := newCluster(t)
		c.must(t, nodes())
		info, err := c.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		info.Labels = nil
		if _, err := c.CoreV1().ConfigMaps("kube-public").Update(t.Context(), info, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.setup(nodes()).Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := c.names(t); !slices.Equal(left, []string{"ConfigMap cluster-info"}) {
			t.Errorf("left %v, want only that", left)
		}
	})
}

// unlabel removes the label from an object.
func (c cluster) unlabel(t *testing.T, o setup.Object) {
	t.Helper()
	update := func(object metav1.Object, err error, store func() error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		object.SetLabels(nil)
		if err := store(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, get, put := t.Context(), metav1.GetOptions{}, metav1.UpdateOptions{}
	switch o.Kind {
	case "Role":
		found, err := c.RbacV1().Roles(o.Namespace).Get(ctx, o.Name, get)
		update(found, err, func() error { _, err := c.RbacV1().Roles(o.Namespace).Update(ctx, found, put); return err })
	case "RoleBinding":
		found, err := c.RbacV1().RoleBindings(o.Namespace).Get(ctx, o.Name, get)
		update(found, err, func() error {
			_, err := c.RbacV1().RoleBindings(o.Namespace).Update(ctx, found, put)
			return err
		})
	case "ClusterRole":
		found, err := c.RbacV1().ClusterRoles().Get(ctx, o.Name, get)
		update(found, err, func() error { _, err := c.RbacV1().ClusterRoles().Update(ctx, found, put); return err })
	default:
		found, err := c.RbacV1().ClusterRoleBindings().Get(ctx, o.Name, get)
		update(found, err, func() error { _, err := c.RbacV1().ClusterRoleBindings().Update(ctx, found, put); return err })
	}
}

// Objects that nodes of one group need are not deleted with another group's.
func TestRemove_OneOfTwoGroups(t *testing.T) {
	c := newCluster(t)
	c.must(t, nodes())
	first := c.names(t)
	second := setup.Objects(setup.Options{Group: "system:bootstrappers:nodes"})
	c.must(t, second)
	if both := c.names(t); len(both) != 15 {
		t.Errorf("both have %v", both)
	}
	results, err := c.setup(second).Remove(t.Context())
	if err != nil || actions(results)["ConfigMap cluster-info"] != setup.Kept {
		t.Errorf("results %v (%v)", results, err)
	}
	if left := c.names(t); !slices.Equal(left, first) {
		t.Errorf("left %v, want %v", left, first)
	}
	if _, err := c.setup(nodes()).Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := c.names(t); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// Only the object that was read is deleted.
func TestRemove_Preconditions(t *testing.T) {
	c := newCluster(t)
	c.must(t, nodes())
	if _, err := c.setup(nodes()).Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, action := range c.Actions() {
		if a, ok := action.(clienttesting.DeleteActionImpl); ok && (a.DeleteOptions.Preconditions == nil || a.DeleteOptions.Preconditions.UID == nil || a.DeleteOptions.Preconditions.ResourceVersion == nil) {
			t.Errorf("delete %s without preconditions", a.Name)
		}
	}
}

// Another client changes an object while it is being deleted.
func TestRemove_RetriesConflict(t *testing.T) {
	c := newCluster(t)
	c.must(t, nodes())
	asked := 0
	c.PrependReactor("delete", "clusterroles", func(clienttesting.Action) (bool, runtime.Object, error) {
		asked++
		if asked == 2 { // the first is the dry run
			return true, nil, apierrors.NewConflict(rbacv1.Resource("clusterroles"), "kubeadm:get-nodes", errServer)
		}
		return false, nil, nil
	})
	results, err := c.setup(nodes()).Remove(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := c.names(t); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if got := actions(results)["ClusterRole kubeadm:get-nodes"]; got != setup.Deleted {
		t.Errorf("it was %q", got)
	}
}

func TestRemove_ServerRefuses(t *testing.T) {
	c := newCluster(t)
	c.must(t, nodes())
	c.reactTo("list", "roles", errServer)
	if _, err := c.setup(nodes()).Remove(t.Context()); err == nil || !strings.Contains(err.Error(), "list roles in kube-public") {
		t.Errorf("error %v", err)
	}
	if got := c.changes(); len(got) > 0 {
		t.Errorf("changes %v", got)
	}
}

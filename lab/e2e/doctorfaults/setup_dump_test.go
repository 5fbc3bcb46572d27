package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// stored is what matters of an object that setup, or whoever else, has made.
type stored struct {
	Labels   map[string]string
	Rules    []rbacv1.PolicyRule
	RoleRef  rbacv1.RoleRef
	Subjects []rbacv1.Subject
	Data     map[string]string

	version string
}

// dump is what is stored by kind, namespace and name.
type dump map[string]stored

// ownPrefix begins the names of what a test makes for itself, which is no part of
// a dump.
const ownPrefix = "e2e:"

// dumpAll reads all RBAC objects and the configmaps of the system namespaces.
func dumpAll(t *testing.T, client kubernetes.Interface) dump {
	t.Helper()
	ctx, all, d := t.Context(), metav1.ListOptions{}, dump{}
	add := func(kind string, meta metav1.ObjectMeta, o stored) {
		if !strings.HasPrefix(meta.Name, ownPrefix) {
			o.Labels, o.version = meta.Labels, meta.ResourceVersion
			d[strings.TrimSpace(fmt.Sprintf("%s %s %s", kind, meta.Namespace, meta.Name))] = o
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	roles, err := client.RbacV1().Roles("").List(ctx, all)
	must(err)
	for _, o := range roles.Items {
		add("Role", o.ObjectMeta, stored{Rules: o.Rules})
	}
	roleBindings, err := client.RbacV1().RoleBindings("").List(ctx, all)
	must(err)
	for _, o := range roleBindings.Items {
		add("RoleBinding", o.ObjectMeta, stored{RoleRef: o.RoleRef, Subjects: o.Subjects})
	}
	clusterRoles, err := client.RbacV1().ClusterRoles().List(ctx, all)
	must(err)
	for _, o := range clusterRoles.Items {
		add("ClusterRole", o.ObjectMeta, stored{Rules: o.Rules})
	}
	bindings, err := client.RbacV1().ClusterRoleBindings().List(ctx, all)
	must(err)
	for _, o := range bindings.Items {
		add("ClusterRoleBinding", o.ObjectMeta, stored{RoleRef: o.RoleRef, Subjects: o.Subjects})
	}
	for _, namespace := range []string{metav1.NamespacePublic, metav1.NamespaceSystem} {
		configMaps, err := client.CoreV1().ConfigMaps(namespace).List(ctx, all)
		must(err)
		for _, o := range configMaps.Items {
			add("ConfigMap", o.ObjectMeta, stored{Data: o.Data})
		}
	}
	return d
}

// without returns the names that the other dump has not, in order.
func (d dump) without(other dump) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if _, ok := other[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// only returns just these objects.
func (d dump) only(names []string) dump {
	some := dump{}
	for _, name := range names {
		some[name] = d[name]
	}
	return some
}

// bare returns the objects as nobody has labelled or signed them.
func (d dump) bare() dump {
	bare := dump{}
	for name, o := range d {
		o.Labels, o.Data = nil, maps.Clone(o.Data)
		maps.DeleteFunc(o.Data, func(key, _ string) bool { return strings.HasPrefix(key, "jws-kubeconfig-") })
		bare[name] = o
	}
	return bare
}

// versions returns the versions of the objects.
func (d dump) versions() map[string]string {
	versions := map[string]string{}
	for name, o := range d {
		versions[name] = o.version
	}
	return versions
}

// same wants two dumps to be equal in each field.
func same(t *testing.T, what string, got, want dump) {
	t.Helper()
	for _, name := range got.without(want) {
		t.Errorf("%s: there is a new %s", what, name)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		o, ok := got[name]
		if !ok {
			t.Errorf("%s: %s is gone", what, name)
			continue
		}
		if is, should := encoded(t, o), encoded(t, want[name]); is != should {
			t.Errorf("%s: %s is\n%s\nwant\n%s", what, name, is, should)
		}
	}
}

func encoded(t *testing.T, o stored) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

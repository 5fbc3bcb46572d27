package doctorfaults

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

// storedObject has the relevant fields of an object that setup or kubeadm created.
type storedObject struct {
	Labels   map[string]string
	Rules    []rbacv1.PolicyRule
	RoleRef  rbacv1.RoleRef
	Subjects []rbacv1.Subject
	Data     map[string]string

	version string
}

// clusterState has the stored objects by kind, namespace and name.
type clusterState map[string]storedObject

// ownPrefix begins the names of a test's own objects, which are not part of
// a dump.
const ownPrefix = "e2e:"

// readClusterState reads all RBAC objects and the configmaps of the system namespaces.
func readClusterState(t *testing.T, client kubernetes.Interface) clusterState {
	t.Helper()
	ctx, all, d := t.Context(), metav1.ListOptions{}, clusterState{}
	add := func(kind string, meta metav1.ObjectMeta, o storedObject) {
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
		add("Role", o.ObjectMeta, storedObject{Rules: o.Rules})
	}
	roleBindings, err := client.RbacV1().RoleBindings("").List(ctx, all)
	must(err)
	for _, o := range roleBindings.Items {
		add("RoleBinding", o.ObjectMeta, storedObject{RoleRef: o.RoleRef, Subjects: o.Subjects})
	}
	clusterRoles, err := client.RbacV1().ClusterRoles().List(ctx, all)
	must(err)
	for _, o := range clusterRoles.Items {
		add("ClusterRole", o.ObjectMeta, storedObject{Rules: o.Rules})
	}
	bindings, err := client.RbacV1().ClusterRoleBindings().List(ctx, all)
	must(err)
	for _, o := range bindings.Items {
		add("ClusterRoleBinding", o.ObjectMeta, storedObject{RoleRef: o.RoleRef, Subjects: o.Subjects})
	}
	for _, namespace := range []string{metav1.NamespacePublic, metav1.NamespaceSystem} {
		configMaps, err := client.CoreV1().ConfigMaps(namespace).List(ctx, all)
		must(err)
		for _, o := range configMaps.Items {
			add("ConfigMap", o.ObjectMeta, storedObject{Data: o.Data})
		}
	}
	return d
}

// missingFrom returns the names that other lacks, sorted.
func (d clusterState) missingFrom(other clusterState) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if _, ok := other[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// subset returns only the named objects.
func (d clusterState) subset(names []string) clusterState {
	some := clusterState{}
	for _, name := range names {
		some[name] = d[name]
	}
	return some
}

// withoutMetadata returns the objects without labels and signatures.
func (d clusterState) withoutMetadata() clusterState {
	bare := clusterState{}
	for name, o := range d {
		o.Labels, o.Data = nil, maps.Clone(o.Data)
		maps.DeleteFunc(o.Data, func(key, _ string) bool { return strings.HasPrefix(key, "jws-kubeconfig-") })
		bare[name] = o
	}
	return bare
}

// resourceVersions returns the resource versions of the objects.
func (d clusterState) resourceVersions() map[string]string {
	versions := map[string]string{}
	for name, o := range d {
		versions[name] = o.version
	}
	return versions
}

// wantSameState checks that two states are equal in each field.
func wantSameState(t *testing.T, what string, got, want clusterState) {
	t.Helper()
	for _, name := range got.missingFrom(want) {
		t.Errorf("%s: %s is new", what, name)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		o, ok := got[name]
		if !ok {
			t.Errorf("%s: %s is missing", what, name)
			continue
		}
		if is, should := encodeObject(t, o), encodeObject(t, want[name]); is != should {
			t.Errorf("%s: %s is\n%s\nwant\n%s", what, name, is, should)
		}
	}
}

func encodeObject(t *testing.T, o storedObject) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

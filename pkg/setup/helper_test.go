package setup_test

import (
	"crypto/x509"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testapi"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/setup"
)

var errServer = errors.New("server error")

// cluster is a fake cluster.
type cluster struct {
	*fake.Clientset
	document []byte
}

func newCluster(t *testing.T, objects ...runtime.Object) cluster {
	t.Helper()
	client := fake.NewClientset(objects...)
	testapi.HonorDryRun(client)
	return cluster{client, document(t, "192.0.2.1:6443")}
}

func document(t *testing.T, address clusterinfo.Endpoint) []byte {
	t.Helper()
	text, err := clusterinfo.Encode(address, []*x509.Certificate{testca.New(t, time.Now()).Certificate})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// setup returns the setup of the cluster with these objects.
func (c cluster) setup(objects []setup.Object, changes ...func(*setup.Setup)) setup.Setup {
	s := setup.Setup{
		RBAC: c.RbacV1(), Core: c.CoreV1(), Authorization: c.AuthorizationV1(), Now: time.Now, Objects: objects,
		Document: func() ([]byte, error) { return c.document, nil }, Keep: true,
	}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func force(s *setup.Setup)  { s.Force = true }
func dryRun(s *setup.Setup) { s.DryRun = true }

// must applies the objects.
func (c cluster) must(t *testing.T, objects []setup.Object) []setup.Result {
	t.Helper()
	results, err := c.setup(objects).Apply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.ClearActions()
	return results
}

// reactTo makes the client return err for a verb on a resource.
func (c cluster) reactTo(verb, resource string, err error) {
	c.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
}

// changes returns the changes that the client was asked for, as VERB RESOURCE NAME.
func (c cluster) changes() []string {
	var changes []string
	for _, action := range c.Actions() {
		name := ""
		switch a := action.(type) {
		case clienttesting.CreateActionImpl:
			name = nameOf(a.Object)
		case clienttesting.UpdateActionImpl:
			name = nameOf(a.Object)
		case clienttesting.DeleteActionImpl:
			name = a.Name
		default:
			continue
		}
		if !testapi.IsDryRun(action) {
			changes = append(changes, action.GetVerb()+" "+action.GetResource().Resource+" "+name)
		}
	}
	return changes
}

func nameOf(object runtime.Object) string {
	named, ok := object.(metav1.Object)
	if !ok {
		return ""
	}
	return named.GetName()
}

// created returns the RBAC objects that the client was asked to create.
func (c cluster) created(t *testing.T) []setup.Object {
	t.Helper()
	var objects []setup.Object
	for _, action := range c.Actions() {
		create, ok := action.(clienttesting.CreateActionImpl)
		if !ok || testapi.IsDryRun(action) || create.Resource.Group != rbacv1.GroupName {
			continue
		}
		var object setup.Object
		var meta metav1.ObjectMeta
		switch o := create.Object.(type) {
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

// actions returns the actions by object name.
func actions(results []setup.Result) map[string]setup.Action {
	all := map[string]setup.Action{}
	for _, r := range results {
		all[r.Kind+" "+r.Name] = r.Action
	}
	return all
}

func nodes() []setup.Object { return setup.Objects(setup.Options{}) }

// changed returns the objects with one of them changed.
func changed(t *testing.T, name string, change func(*setup.Object)) []setup.Object {
	t.Helper()
	all := nodes()
	at := slices.IndexFunc(all, func(o setup.Object) bool { return o.String() == name })
	if at < 0 {
		t.Fatalf("there is no %s", name)
	}
	change(&all[at])
	return all
}

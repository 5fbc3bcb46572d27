package setup

import (
	"context"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
)

// store reads and writes API objects of one kind in one namespace.
type store struct {
	get            func(ctx context.Context, name string) (any, error)
	create, update func(ctx context.Context, object any, dryRun []string) error
	remove         func(ctx context.Context, meta metav1.ObjectMeta, dryRun []string) error
}

// typed has the methods that the clients of all kinds have in common.
type typed[T any] interface {
	Get(context.Context, string, metav1.GetOptions) (*T, error)
	Create(context.Context, *T, metav1.CreateOptions) (*T, error)
	Update(context.Context, *T, metav1.UpdateOptions) (*T, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

func storeOf(client rbacv1client.RbacV1Interface, o Object) store {
	switch o.Kind {
	case "Role":
		return newStore(client.Roles(o.Namespace))
	case "ClusterRole":
		return newStore(client.ClusterRoles())
	case "RoleBinding":
		return newStore(client.RoleBindings(o.Namespace))
	}
	return newStore(client.ClusterRoleBindings())
}

func newStore[T any](client typed[T]) store {
	return store{
		get: func(ctx context.Context, name string) (any, error) { return client.Get(ctx, name, metav1.GetOptions{}) },
		create: func(ctx context.Context, object any, dryRun []string) error {
			_, err := client.Create(ctx, object.(*T), metav1.CreateOptions{DryRun: dryRun})
			return err
		},
		update: func(ctx context.Context, object any, dryRun []string) error {
			_, err := client.Update(ctx, object.(*T), metav1.UpdateOptions{DryRun: dryRun})
			return err
		},
		remove: func(ctx context.Context, meta metav1.ObjectMeta, dryRun []string) error {
			return client.Delete(ctx, meta.Name, metav1.DeleteOptions{DryRun: dryRun, Preconditions: preconditionsFor(meta)})
		},
	}
}

// preconditionsFor allows a deletion only if the object has not changed since it was read.
func preconditionsFor(meta metav1.ObjectMeta) *metav1.Preconditions {
	return &metav1.Preconditions{UID: &meta.UID, ResourceVersion: &meta.ResourceVersion}
}

// newObjectMeta returns the metadata of an object that setup creates.
func newObjectMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{Label: LabelValue}}
}

// Manifest returns the object as setup creates it, for tools that apply manifests.
func (o Object) Manifest() any { return o.manifest(newObjectMeta(o.Namespace, o.Name)) }

// manifest returns the API object; Read does the reverse.
func (o Object) manifest(meta metav1.ObjectMeta) any {
	kind := metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: o.Kind}
	switch o.Kind {
	case "Role":
		return &rbacv1.Role{TypeMeta: kind, ObjectMeta: meta, Rules: o.Rules}
	case "ClusterRole":
		return &rbacv1.ClusterRole{TypeMeta: kind, ObjectMeta: meta, Rules: o.Rules}
	case "RoleBinding":
		return &rbacv1.RoleBinding{TypeMeta: kind, ObjectMeta: meta, RoleRef: o.RoleRef, Subjects: o.Subjects}
	}
	return &rbacv1.ClusterRoleBinding{TypeMeta: kind, ObjectMeta: meta, RoleRef: o.RoleRef, Subjects: o.Subjects}
}

// Read returns what an API object grants, and its metadata; both are empty if it is
// neither a role nor a binding.
func Read(object any) (Object, metav1.ObjectMeta) {
	switch o := object.(type) {
	case *rbacv1.Role:
		return Object{Kind: "Role", Namespace: o.Namespace, Name: o.Name, Rules: o.Rules}, o.ObjectMeta
	case *rbacv1.ClusterRole:
		return Object{Kind: "ClusterRole", Name: o.Name, Rules: o.Rules}, o.ObjectMeta
	case *rbacv1.RoleBinding:
		return Object{Kind: "RoleBinding", Namespace: o.Namespace, Name: o.Name, RoleRef: o.RoleRef, Subjects: o.Subjects}, o.ObjectMeta
	case *rbacv1.ClusterRoleBinding:
		return Object{Kind: "ClusterRoleBinding", Name: o.Name, RoleRef: o.RoleRef, Subjects: o.Subjects}, o.ObjectMeta
	}
	return Object{}, metav1.ObjectMeta{}
}

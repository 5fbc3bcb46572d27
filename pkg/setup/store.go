package setup

import (
	"context"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
)

// store reads and writes objects of one kind in one namespace.
type store struct {
	get            func(ctx context.Context, name string) (metav1.ObjectMeta, Object, error)
	create, update func(ctx context.Context, meta metav1.ObjectMeta, o Object, dryRun []string) error
	remove         func(ctx context.Context, meta metav1.ObjectMeta, dryRun []string) error
}

// typed is what the clients of all kinds have in common.
type typed[T any] interface {
	Get(context.Context, string, metav1.GetOptions) (*T, error)
	Create(context.Context, *T, metav1.CreateOptions) (*T, error)
	Update(context.Context, *T, metav1.UpdateOptions) (*T, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

func storeOf(client rbacv1client.RbacV1Interface, o Object) store {
	switch o.Kind {
	case "Role":
		return newStore(client.Roles(o.Namespace), roleManifest, func(r *rbacv1.Role) (metav1.ObjectMeta, Object) {
			return r.ObjectMeta, Object{Rules: r.Rules}
		})
	case "ClusterRole":
		return newStore(client.ClusterRoles(), clusterRoleManifest, func(r *rbacv1.ClusterRole) (metav1.ObjectMeta, Object) {
			return r.ObjectMeta, Object{Rules: r.Rules}
		})
	case "RoleBinding":
		return newStore(client.RoleBindings(o.Namespace), roleBindingManifest, func(b *rbacv1.RoleBinding) (metav1.ObjectMeta, Object) {
			return b.ObjectMeta, Object{RoleRef: b.RoleRef, Subjects: b.Subjects}
		})
	}
	return newStore(client.ClusterRoleBindings(), clusterRoleBindingManifest, func(b *rbacv1.ClusterRoleBinding) (metav1.ObjectMeta, Object) {
		return b.ObjectMeta, Object{RoleRef: b.RoleRef, Subjects: b.Subjects}
	})
}

func newStore[T any](client typed[T], manifest func(metav1.ObjectMeta, Object) *T, read func(*T) (metav1.ObjectMeta, Object)) store {
	return store{
		get: func(ctx context.Context, name string) (metav1.ObjectMeta, Object, error) {
			found, err := client.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return metav1.ObjectMeta{}, Object{}, err
			}
			meta, o := read(found)
			return meta, o, nil
		},
		create: func(ctx context.Context, meta metav1.ObjectMeta, o Object, dryRun []string) error {
			_, err := client.Create(ctx, manifest(meta, o), metav1.CreateOptions{DryRun: dryRun})
			return err
		},
		update: func(ctx context.Context, meta metav1.ObjectMeta, o Object, dryRun []string) error {
			_, err := client.Update(ctx, manifest(meta, o), metav1.UpdateOptions{DryRun: dryRun})
			return err
		},
		remove: func(ctx context.Context, meta metav1.ObjectMeta, dryRun []string) error {
			return client.Delete(ctx, meta.Name, metav1.DeleteOptions{DryRun: dryRun, Preconditions: preconditionsFor(meta)})
		},
	}
}

// preconditionsFor lets only the object be deleted that was looked at, as it was then.
func preconditionsFor(meta metav1.ObjectMeta) *metav1.Preconditions {
	return &metav1.Preconditions{UID: &meta.UID, ResourceVersion: &meta.ResourceVersion}
}

// newObjectMeta is the head of an object that setup creates.
func newObjectMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{Label: LabelValue}}
}

// Manifest returns the object as it is created, for tools that bring manifests
// into a cluster.
func (o Object) Manifest() any {
	meta := newObjectMeta(o.Namespace, o.Name)
	switch o.Kind {
	case "Role":
		return roleManifest(meta, o)
	case "ClusterRole":
		return clusterRoleManifest(meta, o)
	case "RoleBinding":
		return roleBindingManifest(meta, o)
	}
	return clusterRoleBindingManifest(meta, o)
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
}

func roleManifest(meta metav1.ObjectMeta, o Object) *rbacv1.Role {
	return &rbacv1.Role{TypeMeta: typeMeta("Role"), ObjectMeta: meta, Rules: o.Rules}
}

func clusterRoleManifest(meta metav1.ObjectMeta, o Object) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{TypeMeta: typeMeta("ClusterRole"), ObjectMeta: meta, Rules: o.Rules}
}

func roleBindingManifest(meta metav1.ObjectMeta, o Object) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{TypeMeta: typeMeta("RoleBinding"), ObjectMeta: meta, RoleRef: o.RoleRef, Subjects: o.Subjects}
}

func clusterRoleBindingManifest(meta metav1.ObjectMeta, o Object) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{TypeMeta: typeMeta("ClusterRoleBinding"), ObjectMeta: meta, RoleRef: o.RoleRef, Subjects: o.Subjects}
}

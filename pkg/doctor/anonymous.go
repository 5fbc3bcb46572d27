package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/tools/pager"
)

// Who requests without credentials are made as.
const (
	Anonymous       = "system:anonymous"
	Unauthenticated = "system:unauthenticated"
)

// AnonymousBindings returns the bindings that grant something to requests without
// credentials, apart from those of the API server itself and those by which nodes, or
// others, read cluster-info and nothing else.
//
// Access: list on rolebindings and clusterrolebindings; get on roles in kube-public.
func AnonymousBindings(ctx context.Context, client rbacv1client.RbacV1Interface) ([]Object, error) {
	var found []Object
	note := func(object runtime.Object) error {
		o, meta := bindingOf(object)
		if slices.ContainsFunc(o.Subjects, IsAnonymous) && !isBuiltin(o, meta) && !isReader(o) {
			found = append(found, o)
		}
		return nil
	}
	lists := map[string]pager.ListPageFunc{
		"clusterrolebindings": func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			return client.ClusterRoleBindings().List(ctx, opts)
		},
		"rolebindings": func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			return client.RoleBindings(metav1.NamespaceAll).List(ctx, opts)
		},
	}
	for _, kind := range []string{"clusterrolebindings", "rolebindings"} {
		if err := pager.New(lists[kind]).EachListItem(ctx, metav1.ListOptions{}, note); err != nil {
			return nil, fmt.Errorf("list %s: %w", kind, err)
		}
	}
	var wide []Object
	for _, o := range found {
		switch narrow, err := isNarrow(ctx, client, o); {
		case err != nil:
			return nil, err
		case !narrow:
			wide = append(wide, o)
		}
	}
	return wide, nil
}

// isNarrow says whether a binding gives no more than to read cluster-info.
func isNarrow(ctx context.Context, client rbacv1client.RbacV1Interface, o Object) (bool, error) {
	if o.Namespace != metav1.NamespacePublic || o.RoleRef.Kind != "Role" {
		return false, nil
	}
	role, err := client.Roles(o.Namespace).Get(ctx, o.RoleRef.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err): // which may come back, with any rules
		return false, nil
	case err != nil:
		return false, fmt.Errorf("get Role %s/%s: %w", o.Namespace, o.RoleRef.Name, err)
	}
	reader := Objects(Options{})[0]
	return len(uncovered(reader.Rules, role.Rules)) == 0, nil
}

func bindingOf(object runtime.Object) (Object, metav1.ObjectMeta) {
	switch b := object.(type) {
	case *rbacv1.ClusterRoleBinding:
		return Object{Kind: "ClusterRoleBinding", Name: b.Name, RoleRef: b.RoleRef, Subjects: b.Subjects}, b.ObjectMeta
	case *rbacv1.RoleBinding:
		return Object{Kind: "RoleBinding", Namespace: b.Namespace, Name: b.Name, RoleRef: b.RoleRef, Subjects: b.Subjects}, b.ObjectMeta
	}
	return Object{}, metav1.ObjectMeta{}
}

// IsAnonymous says whether the subject is requests without credentials.
func IsAnonymous(s rbacv1.Subject) bool {
	return s.Kind == rbacv1.UserKind && s.Name == Anonymous || s.Kind == rbacv1.GroupKind && s.Name == Unauthenticated
}

// isBuiltin says whether the API server itself made the binding, and keeps it so.
// Source: Kubernetes documentation, "Using RBAC Authorization", discovery roles.
func isBuiltin(o Object, meta metav1.ObjectMeta) bool {
	return o.Kind == "ClusterRoleBinding" && meta.Labels["kubernetes.io/bootstrapping"] == "rbac-defaults" &&
		slices.Contains([]string{"system:public-info-viewer", "system:discovery", "system:basic-user"}, o.Name) &&
		o.RoleRef == ref("ClusterRole", o.Name)
}

// isReader says whether it is the binding by which nodes of some group read
// cluster-info.
func isReader(o Object) bool {
	of := Options{}
	if group, ok := strings.CutPrefix(o.Name, "bootctl:"+reading+":"); ok {
		of.Group = group
	}
	return o.Kind == "RoleBinding" && o.Namespace == metav1.NamespacePublic && o.Name == of.name(reading) && o.RoleRef == ref("Role", o.Name)
}

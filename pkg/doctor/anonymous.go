package doctor

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
	"k8s.io/component-helpers/auth/rbac/validation"

	"github.com/bootctl/bootctl/pkg/setup"
)

// anonymousBindings returns the bindings that grant something to requests without
// credentials, except the API server's own bindings and bindings that only allow
// reading cluster-info.
//
// Access: list on rolebindings and clusterrolebindings; get on roles in kube-public.
func anonymousBindings(ctx context.Context, client rbacv1client.RbacV1Interface) ([]setup.Object, error) {
	var found []setup.Object
	note := func(object runtime.Object) error {
		o, meta := bindingOf(object)
		if slices.ContainsFunc(o.Subjects, isAnonymous) && !isBuiltin(o, meta) && !isReader(o) {
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
	var wide []setup.Object
	for _, o := range found {
		switch readOnly, err := grantsOnlyClusterInfo(ctx, client, o); {
		case err != nil:
			return nil, err
		case !readOnly:
			wide = append(wide, o)
		}
	}
	return wide, nil
}

// grantsOnlyClusterInfo reports whether a binding allows no more than reading
// cluster-info.
func grantsOnlyClusterInfo(ctx context.Context, client rbacv1client.RbacV1Interface, o setup.Object) (bool, error) {
	if o.Namespace != metav1.NamespacePublic || o.RoleRef.Kind != "Role" {
		return false, nil
	}
	role, err := client.Roles(o.Namespace).Get(ctx, o.RoleRef.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err): // which may be created again, with any rules
		return false, nil
	case err != nil:
		return false, fmt.Errorf("get Role %s/%s: %w", o.Namespace, o.RoleRef.Name, err)
	}
	reader := setup.Objects(setup.Options{})[0]
	readOnly, _ := validation.Covers(reader.Rules, role.Rules)
	return readOnly, nil
}

func bindingOf(object runtime.Object) (setup.Object, metav1.ObjectMeta) {
	switch b := object.(type) {
	case *rbacv1.ClusterRoleBinding:
		return setup.Object{Kind: "ClusterRoleBinding", Name: b.Name, RoleRef: b.RoleRef, Subjects: b.Subjects}, b.ObjectMeta
	case *rbacv1.RoleBinding:
		return setup.Object{Kind: "RoleBinding", Namespace: b.Namespace, Name: b.Name, RoleRef: b.RoleRef, Subjects: b.Subjects}, b.ObjectMeta
	}
	return setup.Object{}, metav1.ObjectMeta{}
}

// isAnonymous reports whether the subject stands for requests without credentials.
func isAnonymous(s rbacv1.Subject) bool {
	return s.Kind == rbacv1.UserKind && s.Name == setup.Anonymous || s.Kind == rbacv1.GroupKind && s.Name == setup.Unauthenticated
}

// isBuiltin reports whether the API server itself created the binding and reconciles it.
// Source: Kubernetes documentation, "Using RBAC Authorization", discovery roles.
func isBuiltin(o setup.Object, meta metav1.ObjectMeta) bool {
	return o.Kind == "ClusterRoleBinding" && meta.Labels["kubernetes.io/bootstrapping"] == "rbac-defaults" &&
		slices.Contains([]string{"system:public-info-viewer", "system:discovery", "system:basic-user"}, o.Name) &&
		o.RoleRef == roleRef("ClusterRole", o.Name)
}

// isReader reports whether it is the binding of setup that lets nodes of some group
// read cluster-info.
func isReader(o setup.Object) bool {
	of := setup.Options{}
	if group, ok := strings.CutPrefix(o.Name, "bootctl:bootstrap-signer-clusterinfo:"); ok {
		of.Group = group
	}
	reader := setup.Objects(of)[1]
	return o.Kind == reader.Kind && o.Namespace == reader.Namespace && o.Name == reader.Name && o.RoleRef == reader.RoleRef
}

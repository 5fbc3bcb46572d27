package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/cluster-bootstrap/token/api"
	"k8s.io/component-helpers/auth/rbac/validation"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
)

const authenticated = "system:authenticated"

// tokenGrants checks that bootstrap tokens have no admin-equivalent permissions.
func (c Cluster) tokenGrants(ctx context.Context) ([]Finding, error) {
	power, err := approval.AdminPermission(ctx, c.Client.Authorization, api.BootstrapUserPrefix+"000000", c.groupsOfToken())
	switch {
	case err != nil:
		return nil, err
	case power == "":
		return ok("bootstrap tokens have no admin-equivalent permissions"), nil
	}
	return one(FAIL, BootstrapTokenOverprivileged, fmt.Sprintf("bootstrap tokens in the group %s may %s", c.Setup.TokenGroup(), power),
		"delete the binding that grants this to "+strings.Join(c.groupsOfToken(), " or ")+"; to find it, run: kubectl get clusterrolebindings -o wide"), nil
}

// groupsOfToken returns the groups from which a node's token can get a permission.
func (c Cluster) groupsOfToken() []string {
	return slices.Compact([]string{c.Setup.TokenGroup(), api.BootstrapDefaultGroup, authenticated})
}

// anonymousGrants checks which other permissions requests without credentials have.
func (c Cluster) anonymousGrants(ctx context.Context) ([]Finding, error) {
	bindings, err := anonymousBindings(ctx, c.Client.RBAC)
	if err != nil {
		return nil, err
	}
	power, err := approval.AdminPermission(ctx, c.Client.Authorization, setup.Anonymous, []string{setup.Unauthenticated})
	if err != nil && len(bindings) == 0 {
		return nil, err
	}
	var texts, commands []string
	for _, b := range bindings {
		texts = append(texts, fmt.Sprintf("%s grants the %s %s", b, b.RoleRef.Kind, b.RoleRef.Name))
		commands = append(commands, withoutAnonymous(b))
	}
	message, fix := "requests without credentials have more permissions than nodes need: "+escape.FirstN(texts, most, ", "), escape.FirstN(commands, most, "; ")
	switch {
	case power == "" && len(bindings) == 0:
		return ok("requests without credentials have only the permissions that nodes need"), nil
	case power == "":
		return one(WARN, AnonymousAccessTooBroad, message, fix), nil
	case len(bindings) == 0:
		return one(FAIL, AnonymousAccessTooBroad, "requests without credentials may "+power+", although no binding grants it",
			"remove AlwaysAllow from the API server's --authorization-mode, or correct its --authorization-config"), nil
	}
	return one(FAIL, AnonymousAccessTooBroad, "requests without credentials may "+power+"; "+message, fix), nil
}

// withoutAnonymous returns the command that removes requests without credentials from
// a binding.
func withoutAnonymous(b setup.Object) string {
	verb, name := "delete", escape.ShellQuote(b.Name)
	if name == "" {
		return "delete " + b.String() + ", whose name cannot be used on a command line"
	}
	if slices.ContainsFunc(b.Subjects, func(s rbacv1.Subject) bool { return !isAnonymous(s) }) {
		verb = "edit" // other subjects may need it
	}
	command := "kubectl " + verb + " " + strings.ToLower(b.Kind) + " " + name
	if b.Namespace != "" {
		command += " -n " + escape.ShellQuote(b.Namespace)
	}
	return command
}

// anonymousBindings returns the bindings that grant something to requests without
// credentials, except the API server's own bindings and bindings that only allow
// reading cluster-info.
//
// Access: list on rolebindings and clusterrolebindings; get on roles in kube-public.
func anonymousBindings(ctx context.Context, client rbacv1client.RbacV1Interface) ([]setup.Object, error) {
	var found []setup.Object
	note := func(object runtime.Object) error {
		o, meta := setup.Read(object)
		if slices.ContainsFunc(o.Subjects, isAnonymous) && !isBuiltin(o, meta) && !isReader(o) {
			found = append(found, o)
		}
		return nil
	}
	err := kubeclient.EachItem(ctx, client.ClusterRoleBindings().List, metav1.ListOptions{}, note)
	if err != nil {
		return nil, fmt.Errorf("list clusterrolebindings: %w", err)
	}
	if err := kubeclient.EachItem(ctx, client.RoleBindings(metav1.NamespaceAll).List, metav1.ListOptions{}, note); err != nil {
		return nil, fmt.Errorf("list rolebindings: %w", err)
	}
	wide := slices.DeleteFunc(found, func(o setup.Object) bool {
		readOnly, roleErr := grantsOnlyClusterInfo(ctx, client, o)
		err = cmp.Or(err, roleErr)
		return readOnly
	})
	return wide, err
}

// grantsOnlyClusterInfo reports whether a binding allows no more than reading
// cluster-info.
func grantsOnlyClusterInfo(ctx context.Context, client rbacv1client.RbacV1Interface, o setup.Object) (bool, error) {
	if o.Namespace != metav1.NamespacePublic || o.RoleRef.Kind != "Role" {
		return false, nil
	}
	role, err := client.Roles(o.Namespace).Get(ctx, o.RoleRef.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err): // the Role may be created again, with any rules
		return false, nil
	case err != nil:
		return false, fmt.Errorf("get Role %s/%s: %w", o.Namespace, o.RoleRef.Name, err)
	}
	reader := setup.Objects(setup.Options{})[0]
	readOnly, _ := validation.Covers(reader.Rules, role.Rules)
	return readOnly, nil
}

// isAnonymous reports whether the subject represents requests without credentials.
func isAnonymous(s rbacv1.Subject) bool {
	return s.Kind == rbacv1.UserKind && s.Name == setup.Anonymous || s.Kind == rbacv1.GroupKind && s.Name == setup.Unauthenticated
}

// isBuiltin reports whether the API server itself created the binding and reconciles it.
// Source: Kubernetes documentation, "Using RBAC Authorization", discovery roles.
func isBuiltin(o setup.Object, meta metav1.ObjectMeta) bool {
	return o.Kind == "ClusterRoleBinding" && meta.Labels["kubernetes.io/bootstrapping"] == "rbac-defaults" &&
		slices.Contains([]string{"system:public-info-viewer", "system:discovery", "system:basic-user"}, o.Name) &&
		o.Binds(setup.Object{Kind: "ClusterRole", Name: o.Name})
}

// isReader reports whether the object is setup's binding, for any token group, that
// allows reading cluster-info.
func isReader(o setup.Object) bool {
	of := setup.Options{}
	if group, ok := strings.CutPrefix(o.Name, "bootctl:bootstrap-signer-clusterinfo:"); ok {
		of.Group = group
	}
	reader := setup.Objects(of)[1]
	return o.Kind == reader.Kind && o.Namespace == reader.Namespace && o.Name == reader.Name && o.RoleRef == reader.RoleRef
}

package doctor

import (
	"context"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
)

// grantedElsewhere reports whether nodes have all permissions that the object, which
// does not exist, would grant: by an object of another name, or an authorizer other
// than RBAC. objects are all objects of setup.
//
// Access: create on subjectaccessreviews.
func grantedElsewhere(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, objects []setup.Object, o setup.Object) (bool, error) {
	binding, role := o, o
	for _, other := range objects {
		switch {
		case other.RoleRef == roleRef(o.Kind, o.Name) && other.Namespace == o.Namespace:
			binding = other
		case o.RoleRef == roleRef(other.Kind, other.Name) && other.Namespace == o.Namespace:
			role = other
		}
	}
	if len(role.Rules) == 0 {
		role.Rules = builtinRules(binding.RoleRef.Name)
	}
	if len(role.Rules) == 0 || len(binding.Subjects) == 0 {
		return false, nil
	}
	user, groups := memberOf(binding.Subjects[0])
	return kubeclient.Can(ctx, client, user, groups, role.Permissions()...)
}

// memberOf returns a user that the subject stands for, without a name if the subject is
// a group, and all groups that each such user is in.
func memberOf(s rbacv1.Subject) (user string, groups []string) {
	if s.Kind != rbacv1.GroupKind {
		return s.Name, []string{setup.Unauthenticated}
	}
	groups = []string{s.Name, authenticated}
	if strings.HasPrefix(s.Name, api.BootstrapDefaultGroup) {
		groups = append(groups, api.BootstrapDefaultGroup)
	}
	return "", groups
}

// autoApprove is the ClusterRole of the API server for CSRs that csrapproving approves
// for new nodes.
const autoApprove = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"

// isAutoApproval reports whether the object has the CSRs of new nodes approved
// automatically.
func isAutoApproval(o setup.Object) bool { return o.RoleRef == roleRef("ClusterRole", autoApprove) }

func roleRef(kind, name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
}

// builtinRules returns the rules of a role that the API server itself creates.
// Source: Kubernetes, bootstrappolicy.
func builtinRules(role string) []rbacv1.PolicyRule {
	rule := func(resource string, verbs ...string) []rbacv1.PolicyRule {
		return []rbacv1.PolicyRule{{Verbs: verbs, APIGroups: []string{certificatesv1.GroupName}, Resources: []string{resource}}}
	}
	switch role {
	case "system:node-bootstrapper":
		return rule("certificatesigningrequests", "create", "get", "list", "watch")
	case autoApprove:
		return rule("certificatesigningrequests/nodeclient", "create")
	case "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient":
		return rule("certificatesigningrequests/selfnodeclient", "create")
	}
	return nil
}

package setup

import (
	"context"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/apiclient"
)

// GrantedOtherwise says whether nodes may do all that the object, which is not
// there, would let them: by an object of another name, or an authorizer that is
// not RBAC. objects are those of Objects.
//
// Access: create on subjectaccessreviews.
func GrantedOtherwise(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, objects []Object, o Object) (bool, error) {
	binding, role := o, o
	for _, other := range objects {
		switch {
		case other.RoleRef == ref(o.Kind, o.Name) && other.Namespace == o.Namespace:
			binding = other
		case o.RoleRef == ref(other.Kind, other.Name) && other.Namespace == o.Namespace:
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
	return apiclient.Can(ctx, client, user, groups, requests(role)...)
}

// memberOf returns a user that the subject stands for, without a name where that is a
// group, and all groups that each such user is in.
func memberOf(s rbacv1.Subject) (user string, groups []string) {
	if s.Kind != rbacv1.GroupKind {
		return s.Name, []string{Unauthenticated}
	}
	groups = []string{s.Name, "system:authenticated"}
	if strings.HasPrefix(s.Name, api.BootstrapDefaultGroup) {
		groups = append(groups, api.BootstrapDefaultGroup)
	}
	return "", groups
}

// builtinRules are those of the roles that the API server keeps.
// Source: Kubernetes, bootstrappolicy.
func builtinRules(role string) []rbacv1.PolicyRule {
	rule := func(resource string, verbs ...string) []rbacv1.PolicyRule {
		return []rbacv1.PolicyRule{{Verbs: verbs, APIGroups: []string{certificatesv1.GroupName}, Resources: []string{resource}}}
	}
	switch role {
	case bootstrapper:
		return rule("certificatesigningrequests", "create", "get", "list", "watch")
	case nodeClient:
		return rule("certificatesigningrequests/nodeclient", "create")
	case selfNodeClient:
		return rule("certificatesigningrequests/selfnodeclient", "create")
	}
	return nil
}

package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
)

// object checks one of the objects of setup.
func (c *clusterChecker) object(ctx context.Context, o setup.Object) ([]Finding, error) {
	states, err := setup.Inspect(ctx, c.Client.RBAC, []setup.Object{o})
	if err != nil {
		return nil, err
	}
	state := states[0]
	command := c.setupCommand(states)
	switch {
	case o.Unwanted && state.Exists:
		return one(WARN, AutoApprovalOn, state.Difference()+", but you specified --auto-approve=none", command), nil
	case !state.Exists:
		return c.absent(ctx, o, command)
	case len(state.Missing) > 0:
		return one(FAIL, RBACDiffers, state.Difference(), command), nil
	}
	switch missing, err := c.isRoleMissing(ctx, o); {
	case err != nil:
		return nil, err
	case missing:
		return one(FAIL, RBACMissing, fmt.Sprintf("the ClusterRole %s, to which the binding refers, is missing", o.RoleRef.Name),
			"restart the API server, which then creates the ClusterRole again"), nil
	case len(state.Extra) > 0:
		return one(WARN, RBACTooPermissive, state.Difference(), command), nil
	}
	return ok("the object grants the required permissions"), nil
}

// isRoleMissing reports whether the object binds a role that the API server itself
// creates, and that does not exist.
func (c *clusterChecker) isRoleMissing(ctx context.Context, o setup.Object) (bool, error) {
	if o.RoleRef.Name == "" || slices.ContainsFunc(c.objects, o.Binds) {
		return false, nil
	}
	states, err := setup.Inspect(ctx, c.Client.RBAC, []setup.Object{{Kind: o.RoleRef.Kind, Name: o.RoleRef.Name}})
	return err == nil && !states[0].Exists, err
}

// absent reports an object that does not exist: whether it should, and whether its
// permissions are granted elsewhere.
func (c *clusterChecker) absent(ctx context.Context, o setup.Object, command string) ([]Finding, error) {
	granted, err := grantedElsewhere(ctx, c.Client.Authorization, c.objects, o)
	switch {
	case o.Unwanted && err != nil:
		return nil, err
	case o.Unwanted && granted:
		return one(WARN, AutoApprovalOn, "the object is missing, and another binding grants the same permissions, but you specified --auto-approve=none",
			fmt.Sprintf("delete the binding of %s to %s; to find it, run: kubectl get clusterrolebindings -o wide", o.RoleRef.Name, strings.Join(c.groupsOfToken(), " or "))), nil
	case o.Unwanted:
		return ok("the object is missing, as --auto-approve=none requires"), nil
	case err != nil:
		return one(FAIL, RBACMissing, "the object is missing, and whether another object grants the same permissions is unknown: "+kubeclient.Message(err), command), nil
	case granted:
		return ok("the object is missing, but the same permissions are granted otherwise"), nil
	case o.RoleRef.Name == autoApprove:
		return one(WARN, AutoApprovalOff, "the object is missing, so each new node waits until a person approves its CSR", command+" --auto-approve nodes"), nil
	}
	return one(FAIL, RBACMissing, "the object is missing", command), nil
}

// grantedElsewhere reports whether nodes have all permissions that the missing object o
// would grant: by an object with another name, or by an authorizer other than RBAC. objects
// are all objects of setup.
//
// Access: create on subjectaccessreviews.
func grantedElsewhere(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, objects []setup.Object, o setup.Object) (bool, error) {
	binding, role := o, o
	for _, other := range objects {
		switch {
		case other.Binds(o):
			binding = other
		case o.Binds(other):
			role = other
		}
	}
	if len(role.Rules) == 0 {
		role.Rules = builtinRules[binding.RoleRef.Name]
	}
	if len(role.Rules) == 0 || len(binding.Subjects) == 0 {
		return false, nil
	}
	user, groups := memberOf(binding.Subjects[0])
	return kubeclient.Can(ctx, client, user, groups, role.Permissions()...)
}

// memberOf returns a user that the subject includes, without a name if the subject is a
// group, and all groups that each such user is in.
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

// autoApprove is the API server's ClusterRole for CSRs of new nodes that csrapproving
// approves.
const autoApprove = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"

// builtinRules are the rules of the roles that the API server itself creates.
// Source: Kubernetes, bootstrappolicy.
var builtinRules = map[string][]rbacv1.PolicyRule{
	"system:node-bootstrapper": csrRule("certificatesigningrequests", "create", "get", "list", "watch"),
	autoApprove:                csrRule("certificatesigningrequests/nodeclient", "create"),
	"system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": csrRule("certificatesigningrequests/selfnodeclient", "create"),
}

func csrRule(resource string, verbs ...string) []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{{Verbs: verbs, APIGroups: []string{certificatesv1.GroupName}, Resources: []string{resource}}}
}

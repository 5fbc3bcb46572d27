package approval

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// CheckAccess returns a [*kubeclient.MissingPermissionError] unless the caller has both
// permissions that are required to approve or deny a CSR for the signer: on the object, and
// on the signer itself or all signers of its domain.
//
// Access: create on selfsubjectaccessreviews, which everyone has.
func CheckAccess(ctx context.Context, client authorizationv1client.SelfSubjectAccessReviewsGetter, signerName string) error {
	domain, _, _ := strings.Cut(signerName, "/")
	approval := authorizationv1.ResourceAttributes{Group: certificatesv1.GroupName, Verb: "update", Resource: "certificatesigningrequests", Subresource: "approval"}
	if allowed, err := kubeclient.CanI(ctx, client, approval); err != nil || !allowed {
		return cmp.Or(err, missing("update certificatesigningrequests/approval"))
	}
	for _, name := range []string{signerName, domain + "/*"} {
		signer := authorizationv1.ResourceAttributes{Group: certificatesv1.GroupName, Verb: "approve", Resource: "signers", Name: name}
		if allowed, err := kubeclient.CanI(ctx, client, signer); err != nil || allowed {
			return err
		}
	}
	return missing("approve signers named " + signerName)
}

// missing returns the error for a permission that the caller lacks.
func missing(permission string) error {
	return &kubeclient.MissingPermissionError{Missing: []string{fmt.Sprintf("you may not %s in the API group %s", permission, certificatesv1.GroupName)}}
}

// AdminPermission returns the first permission of the user that is equivalent to being an
// administrator: everything, or a permission that leads to it. It is empty if the user has
// none. The groups are all groups of the user.
//
// Access: create on subjectaccessreviews.
// Source: Kubernetes documentation, "Role Based Access Control Good Practices".
func AdminPermission(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, user string, groups []string) (string, error) {
	for _, p := range adminPermissions {
		allowed, err := kubeclient.Can(ctx, client, user, groups, p.is)
		if err != nil {
			return "", err
		}
		if allowed {
			return p.what, nil
		}
	}
	return "", nil
}

// adminPermissions are equivalent to being an administrator, for all objects of the kind or
// for the named one. They are tried in this order.
var adminPermissions = []struct {
	what string
	is   authorizationv1.ResourceAttributes
}{
	{"do everything", authorizationv1.ResourceAttributes{Verb: "*", Group: "*", Resource: "*"}},
	{"impersonate users", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "users"}},
	{"impersonate groups", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "groups"}},
	{"impersonate system:masters", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "groups", Name: "system:masters"}},
	{"impersonate service accounts", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "serviceaccounts"}},
	{"create tokens of service accounts", authorizationv1.ResourceAttributes{Verb: "create", Resource: "serviceaccounts", Subresource: "token"}},
	{"grant permissions that it does not have", authorizationv1.ResourceAttributes{Verb: "escalate", Group: rbacv1.GroupName, Resource: "clusterroles"}},
	{"bind any role", authorizationv1.ResourceAttributes{Verb: "bind", Group: rbacv1.GroupName, Resource: "clusterroles"}},
	{"bind cluster-admin", authorizationv1.ResourceAttributes{Verb: "bind", Group: rbacv1.GroupName, Resource: "clusterroles", Name: "cluster-admin"}},
	{"approve CSRs", authorizationv1.ResourceAttributes{Verb: "update", Group: certificatesv1.GroupName, Resource: "certificatesigningrequests", Subresource: "approval"}},
	{"read all secrets", authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets"}},
	{"list all secrets", authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets"}},
	{"watch all secrets", authorizationv1.ResourceAttributes{Verb: "watch", Resource: "secrets"}},
	{"run any command on nodes", authorizationv1.ResourceAttributes{Verb: "create", Resource: "nodes", Subresource: "proxy"}},
}

package approval

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// adminPermission is a permission with which its holder becomes an administrator.
type adminPermission struct {
	what string
	is   authorizationv1.ResourceAttributes
}

// adminPermissions are equivalent to being an administrator, for all objects of the kind,
// for those in kube-system, or for the named one. They are tried in this order.
var adminPermissions = slices.Concat(
	[]adminPermission{
		{"do everything", authorizationv1.ResourceAttributes{Verb: "*", Group: "*", Resource: "*"}},
		{"impersonate users", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "users"}},
		{"impersonate groups", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "groups"}},
		{"impersonate system:masters", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "groups", Name: "system:masters"}},
	},
	inSystem("impersonate service accounts", "", "serviceaccounts", "", "impersonate"),
	inSystem("create tokens of service accounts", "", "serviceaccounts", "token", "create"),
	anywhere("grant permissions that it does not have", rbacv1.GroupName, "clusterroles", "", "escalate"),
	inSystem("grant permissions that it does not have", rbacv1.GroupName, "roles", "", "escalate"),
	anywhere("bind any role", rbacv1.GroupName, "clusterroles", "", "bind"),
	inSystem("bind any role", rbacv1.GroupName, "roles", "", "bind"),
	[]adminPermission{{"bind cluster-admin", authorizationv1.ResourceAttributes{Verb: "bind", Group: rbacv1.GroupName, Resource: "clusterroles", Name: "cluster-admin"}}},
	anywhere("approve CSRs", certificatesv1.GroupName, "certificatesigningrequests", "approval", "update", "patch"),
	anywhere("issue certificates", certificatesv1.GroupName, "certificatesigningrequests", "status", "update", "patch"),
	inSystem("read all secrets", "", "secrets", "", "get"),
	inSystem("list all secrets", "", "secrets", "", "list"),
	inSystem("watch all secrets", "", "secrets", "", "watch"),
	inSystem("create bootstrap tokens", "", "secrets", "", "create", "update", "patch"),
	anywhere("run any command on nodes", "", "nodes", "proxy", "create", "get"),
	inSystem("run any command in Pods", "", "pods", "exec", "create", "get"),
	inSystem("attach to Pods", "", "pods", "attach", "create", "get"),
	inSystem("run containers in Pods", "", "pods", "ephemeralcontainers", "update", "patch"),
	inSystem("run Pods with any service account", "", "pods", "", "create", "update", "patch"),
	inSystem("run Pods with any service account", "", "replicationcontrollers", "", "create", "update", "patch"),
	inSystem("run Pods with any service account", "", "podtemplates", "", "update", "patch"),
	inSystem("run Pods with any service account", "apps", "deployments", "", "create", "update", "patch"),
	inSystem("run Pods with any service account", "apps", "daemonsets", "", "create", "update", "patch"),
	inSystem("run Pods with any service account", "apps", "statefulsets", "", "create", "update", "patch"),
	inSystem("run Pods with any service account", "apps", "replicasets", "", "create", "update", "patch"),
	inSystem("run Pods with any service account", "batch", "jobs", "", "create", "update", "patch"),
	inSystem("run Pods with any service account", "batch", "cronjobs", "", "create", "update", "patch"),
	inSystem("change the configuration of the cluster's components", "", "configmaps", "", "update", "patch"),
	anywhere("mount any directory of a node", "", "persistentvolumes", "", "create", "update", "patch"),
	anywhere("change the Pod security of namespaces", "", "namespaces", "", "update", "patch"),
	anywhere("read and change all admitted objects", admissionGroup, "mutatingwebhookconfigurations", "", "create", "update", "patch"),
	anywhere("read all admitted objects", admissionGroup, "validatingwebhookconfigurations", "", "create", "update", "patch"),
	anywhere("change all admitted objects", admissionGroup, "mutatingadmissionpolicies", "", "create", "update", "patch"),
	anywhere("change the admission policies", admissionGroup, "validatingadmissionpolicies", "", "update", "patch", "delete"),
	anywhere("change the admission policies", admissionGroup, "validatingadmissionpolicybindings", "", "update", "patch", "delete"),
	anywhere("answer for the API server", "apiregistration.k8s.io", "apiservices", "", "create", "update", "patch"),
	anywhere("convert all objects of a kind", "apiextensions.k8s.io", "customresourcedefinitions", "", "update", "patch"),
)

const admissionGroup = "admissionregistration.k8s.io"

// anywhere returns one permission for each verb on an object without a namespace.
func anywhere(what, group, resource, subresource string, verbs ...string) (list []adminPermission) {
	for _, verb := range verbs {
		list = append(list, adminPermission{what, authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource, Subresource: subresource}})
	}
	return list
}

// inSystem returns one permission for each verb on the objects in kube-system, which those
// for all namespaces include. The service accounts of the controllers are in kube-system.
func inSystem(what, group, resource, subresource string, verbs ...string) []adminPermission {
	list := anywhere(what, group, resource, subresource, verbs...)
	for i := range list {
		list[i].is.Namespace = metav1.NamespaceSystem
	}
	return list
}

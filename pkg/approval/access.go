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
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// CheckAccess returns an [*kubeclient.MissingPermissionError] unless the caller has
// both permissions that it takes to approve or deny a request for the signer: on the
// object, and on the signer itself or all signers of its domain.
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

// missing says which permission the caller lacks.
func missing(permission string) error {
	return &kubeclient.MissingPermissionError{Missing: []string{fmt.Sprintf("you may not %s in the API group %s", permission, certificatesv1.GroupName)}}
}

// AdminPermission returns what the user may do that makes an administrator of it:
// everything, or what leads there. It is empty when it may not. The groups are all
// that it is in.
//
// Access: create on subjectaccessreviews.
// Source: Kubernetes documentation, "Role Based Access Control Good Practices".
func AdminPermission(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, user string, groups []string) (string, error) {
	for _, power := range adminPermissions {
		allowed, err := kubeclient.Can(ctx, client, user, groups, power.is)
		if err != nil {
			return "", err
		}
		if allowed {
			return power.what, nil
		}
	}
	return "", nil
}

// adminPermissions make an administrator of whoever has one, for all objects of the kind
// or for the one that counts. They are tried in this order.
var adminPermissions = []struct {
	what string
	is   authorizationv1.ResourceAttributes
}{
	{"do everything", authorizationv1.ResourceAttributes{Verb: "*", Group: "*", Resource: "*"}},
	{"impersonate users", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "users"}},
	{"impersonate groups", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "groups"}},
	{"impersonate system:masters", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "groups", Name: "system:masters"}},
	{"impersonate service accounts", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "serviceaccounts"}},
	{"make tokens of service accounts", authorizationv1.ResourceAttributes{Verb: "create", Resource: "serviceaccounts", Subresource: "token"}},
	{"grant what it has not", authorizationv1.ResourceAttributes{Verb: "escalate", Group: rbacv1.GroupName, Resource: "clusterroles"}},
	{"bind any role", authorizationv1.ResourceAttributes{Verb: "bind", Group: rbacv1.GroupName, Resource: "clusterroles"}},
	{"bind cluster-admin", authorizationv1.ResourceAttributes{Verb: "bind", Group: rbacv1.GroupName, Resource: "clusterroles", Name: "cluster-admin"}},
	{"approve requests for certificates", authorizationv1.ResourceAttributes{Verb: "update", Group: certificatesv1.GroupName, Resource: "certificatesigningrequests", Subresource: "approval"}},
	{"read all secrets", authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets"}},
	{"list all secrets", authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets"}},
	{"watch all secrets", authorizationv1.ResourceAttributes{Verb: "watch", Resource: "secrets"}},
	{"run what it likes on nodes", authorizationv1.ResourceAttributes{Verb: "create", Resource: "nodes", Subresource: "proxy"}},
}

// AutoApprovals finds out of many requests which the controller csrapproving would
// approve. It asks once for all that a requester made.
type AutoApprovals struct {
	Client authorizationv1client.SubjectAccessReviewsGetter
	// Reviews is how many more access reviews may be asked for.
	Reviews int
	// Err is the first error of one.
	Err error

	known map[string]csr.AutoApproval
}

// Of says whether the request would be approved: it is not known when an access
// review fails or too few may still be asked for.
//
// Access: create on subjectaccessreviews.
// Source: kube-controller-manager, csrapproving.
func (a *AutoApprovals) Of(ctx context.Context, r csr.Request) csr.AutoApproval {
	if outcome, _ := csr.Predict(r); r.SignerName != csr.KubeletClient || outcome != csr.OutcomeIssued {
		return csr.AutoApprovalNo // whoever asks
	}
	subresources := []string{"nodeclient"}
	if isSelfRequest(r) {
		subresources = []string{"selfnodeclient", "nodeclient"}
	}
	key := strings.Join(slices.Concat(subresources, []string{r.Username}, r.Groups), "\x00")
	if known, ok := a.known[key]; ok {
		return known
	}
	if a.Reviews < len(subresources) {
		return csr.AutoApprovalUnknown
	}
	a.Reviews -= len(subresources)
	if a.known == nil {
		a.known = map[string]csr.AutoApproval{}
	}
	a.known[key] = a.review(ctx, r, subresources)
	return a.known[key]
}

// review asks whether the requester may create one of the subresources.
func (a *AutoApprovals) review(ctx context.Context, r csr.Request, subresources []string) csr.AutoApproval {
	for _, subresource := range subresources {
		allowed, err := kubeclient.Can(ctx, a.Client, r.Username, r.Groups, authorizationv1.ResourceAttributes{
			Group: certificatesv1.GroupName, Resource: "certificatesigningrequests", Subresource: subresource, Verb: "create",
		})
		switch {
		case err != nil:
			a.Err = cmp.Or(a.Err, err)
			return csr.AutoApprovalUnknown
		case allowed:
			return csr.AutoApprovalYes
		}
	}
	return csr.AutoApprovalNo
}

// Wait waits for the certificate of the CSR as [csr.Wait] does, and explains to the
// observer who keeps it waiting.
//
// Access: that of csr.Wait; create on subjectaccessreviews, without which it explains
// less.
func Wait(ctx context.Context, client *kubeclient.Client, r csr.Request, observer kubeclient.Observer) ([]byte, error) {
	return csr.Wait(ctx, client.Certificates, r.Stored(), csr.WaitOptions{
		Observer: observer,
		Explain:  func(r csr.Request) string { return explain(ctx, client.Authorization, r) },
	})
}

// explain describes which approver or signer keeps the CSR waiting, as [csr.Explain]
// does, and asks for a pending one whether the cluster approves it automatically.
func explain(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, r csr.Request) string {
	automatic := csr.AutoApprovalUnknown
	if r.IsPending() {
		automatic = (&AutoApprovals{Client: client, Reviews: 2}).Of(ctx, r)
	}
	return csr.Explain(r, automatic)
}

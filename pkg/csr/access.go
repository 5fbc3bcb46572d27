package csr

import (
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
)

// AccessError says which permission is missing.
type AccessError struct {
	Verb, Resource, Name string
}

func (e *AccessError) Error() string {
	what := e.Resource
	if e.Name != "" {
		what += " named " + e.Name
	}
	return fmt.Sprintf("you may not %s %s in the API group %s", e.Verb, what, certificatesv1.GroupName)
}

// CheckAccess returns an *AccessError unless the caller has both permissions that
// it takes to approve or deny a request for the signer: on the object, and on
// the signer itself or all signers of its domain.
//
// Access: create on selfsubjectaccessreviews, which everyone has.
func CheckAccess(ctx context.Context, client authorizationv1client.SelfSubjectAccessReviewsGetter, signerName string) error {
	domain, _, _ := strings.Cut(signerName, "/")
	on := &AccessError{"update", "certificatesigningrequests/approval", ""}
	signer := &AccessError{"approve", "signers", signerName}
	switch allowed, err := may(ctx, client, on); {
	case err != nil:
		return err
	case !allowed:
		return on
	}
	for _, name := range []string{signerName, domain + "/*"} {
		if allowed, err := may(ctx, client, &AccessError{signer.Verb, signer.Resource, name}); err != nil || allowed {
			return err
		}
	}
	return signer
}

func may(ctx context.Context, client authorizationv1client.SelfSubjectAccessReviewsGetter, asked *AccessError) (bool, error) {
	resource, subresource, _ := strings.Cut(asked.Resource, "/")
	review, err := client.SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: certificatesv1.GroupName, Version: "*", Verb: asked.Verb, Resource: resource, Subresource: subresource, Name: asked.Name,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask what you may do: %w", err)
	}
	return review.Status.Allowed, nil
}

// PrivilegeOf returns what whoever gets the certificate may do that makes it an
// administrator, as PowerOf does.
//
// Access: create on subjectaccessreviews.
func PrivilegeOf(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, r Request) (string, error) {
	return PowerOf(ctx, client, r.PKCS10.Subject.CommonName, append([]string{"system:authenticated"}, r.PKCS10.Subject.Organization...))
}

// PowerOf returns what the user may do that makes an administrator of it:
// everything, or what leads there. It is empty when it may not. The groups are all
// that it is in.
//
// Access: create on subjectaccessreviews.
// Source: Kubernetes documentation, "Role Based Access Control Good Practices".
func PowerOf(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, user string, groups []string) (string, error) {
	for _, power := range powers {
		allowed, err := mayRequester(ctx, client, authorizationv1.SubjectAccessReviewSpec{
			User: user, Groups: groups,
			ResourceAttributes: &authorizationv1.ResourceAttributes{Group: power.group, Version: "*", Resource: power.resource, Subresource: power.subresource, Name: power.name, Verb: power.verb},
		})
		if err != nil {
			return "", err
		}
		if allowed {
			return power.what, nil
		}
	}
	return "", nil
}

// power is what makes an administrator of whoever may do it, to all objects of the
// kind or to the one that counts.
type power struct{ what, verb, group, resource, subresource, name string }

// powers are tried in this order.
var powers = []power{
	{"do everything", "*", "*", "*", "", ""},
	{"impersonate users", "impersonate", "", "users", "", ""},
	{"impersonate groups", "impersonate", "", "groups", "", ""},
	{"impersonate system:masters", "impersonate", "", "groups", "", "system:masters"},
	{"impersonate service accounts", "impersonate", "", "serviceaccounts", "", ""},
	{"make tokens of service accounts", "create", "", "serviceaccounts", "token", ""},
	{"grant what it has not", "escalate", rbacv1.GroupName, "clusterroles", "", ""},
	{"bind any role", "bind", rbacv1.GroupName, "clusterroles", "", ""},
	{"bind cluster-admin", "bind", rbacv1.GroupName, "clusterroles", "", "cluster-admin"},
	{"approve requests for certificates", "update", certificatesv1.GroupName, "certificatesigningrequests", "approval", ""},
	{"read all secrets", "get", "", "secrets", "", ""},
	{"list all secrets", "list", "", "secrets", "", ""},
	{"watch all secrets", "watch", "", "secrets", "", ""},
	{"run what it likes on nodes", "create", "", "nodes", "proxy", ""},
}

// IsAutoApproved says whether the controller csrapproving approves the request by
// itself, where it runs: what it asks about who sent the request.
//
// Access: create on subjectaccessreviews.
// Source: kube-controller-manager, csrapproving.
func IsAutoApproved(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, r Request) (bool, error) {
	if r.SignerName != KubeletClient || r.PKCS10 == nil || kubeletClientProblem(r) != "" {
		return false, nil
	}
	subresources := []string{"nodeclient"}
	if r.Username == r.PKCS10.Subject.CommonName {
		subresources = []string{"selfnodeclient", "nodeclient"}
	}
	for _, subresource := range subresources {
		allowed, err := mayRequester(ctx, client, authorizationv1.SubjectAccessReviewSpec{
			User: r.Username, Groups: r.Groups,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: certificatesv1.GroupName, Version: "*", Resource: "certificatesigningrequests", Subresource: subresource, Verb: "create",
			},
		})
		if err != nil || allowed {
			return allowed, err
		}
	}
	return false, nil
}

func mayRequester(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, spec authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	review, err := client.SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask what a user may do: %w", err)
	}
	return review.Status.Allowed, nil
}

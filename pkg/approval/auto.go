package approval

import (
	"cmp"
	"context"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// AutoApprovals reports which of many CSRs the controller csrapproving would approve. It
// sends access reviews once for all CSRs of a requester.
type AutoApprovals struct {
	Client authorizationv1client.SubjectAccessReviewsGetter
	// Reviews is how many more access reviews may be sent.
	Reviews int
	// Err is the first error of an access review.
	Err error

	known map[string]csr.AutoApproval
}

// Of reports whether the CSR would be approved: that is unknown if an access review fails or
// too few reviews are left.
//
// Access: create on subjectaccessreviews.
// Source: kube-controller-manager, csrapproving.
func (a *AutoApprovals) Of(ctx context.Context, r csr.Request) csr.AutoApproval {
	if outcome, _ := csr.Predict(r); r.SignerName != csr.KubeletClient || outcome != csr.OutcomeIssued {
		return csr.AutoApprovalNo // for any requester
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

// review checks whether the requester may create one of the subresources.
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
// observer which approver or signer it waits for.
//
// Access: as csr.Wait; create on subjectaccessreviews, without which the explanation has
// less detail.
func Wait(ctx context.Context, client *kubeclient.Client, r csr.Request, observer kubeclient.Observer) ([]byte, error) {
	return csr.Wait(ctx, client.Certificates, r.Stored(), csr.WaitOptions{
		Observer: observer,
		Explain:  func(r csr.Request) string { return explain(ctx, client.Authorization, r) },
	})
}

// explain describes which approver or signer the CSR waits for, as [csr.Explain] does, and
// checks whether the cluster approves a pending CSR automatically.
func explain(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, r csr.Request) string {
	automatic := csr.AutoApprovalUnknown
	if r.IsPending() {
		automatic = (&AutoApprovals{Client: client, Reviews: 2}).Of(ctx, r)
	}
	return csr.Explain(r, automatic)
}

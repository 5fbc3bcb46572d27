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

package approval

import (
	"context"
	"strings"

	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"github.com/bootctl/bootctl/pkg/csr"
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
func (a *AutoApprovals) Of(ctx context.Context, r csr.Request) csr.AutoApproval {
	if outcome, _ := csr.Predict(r); r.SignerName != csr.KubeletClient || outcome != csr.OutcomeIssued {
		return csr.AutoApprovalNo // whoever asks
	}
	reviews, key := 1, "other"
	if r.Username == r.PKCS10.Subject.CommonName {
		reviews, key = 2, "itself"
	}
	key = strings.Join(append([]string{key, r.Username}, r.Groups...), "\x00")
	if known, ok := a.known[key]; ok {
		return known
	}
	if a.Reviews < reviews {
		return csr.AutoApprovalUnknown
	}
	a.Reviews -= reviews
	answer := csr.AutoApprovalNo
	switch automatic, err := IsAutoApproved(ctx, a.Client, r); {
	case err != nil:
		answer = csr.AutoApprovalUnknown
		if a.Err == nil {
			a.Err = err
		}
	case automatic:
		answer = csr.AutoApprovalYes
	}
	if a.known == nil {
		a.known = map[string]csr.AutoApproval{}
	}
	a.known[key] = answer
	return answer
}

// Explain describes which approver or signer keeps the CSR waiting, as [csr.Explain]
// does, and asks for a pending one whether the cluster approves it automatically.
//
// Access: create on subjectaccessreviews, without which it says less.
func Explain(ctx context.Context, client authorizationv1client.SubjectAccessReviewsGetter, r csr.Request) string {
	automatic := csr.AutoApprovalUnknown
	if r.IsPending() {
		automatic = (&AutoApprovals{Client: client, Reviews: 2}).Of(ctx, r)
	}
	return csr.Explain(r, automatic)
}

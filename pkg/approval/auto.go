package csr

import (
	"context"
	"strings"

	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
)

// AutoApprovals finds out of many requests which the controller csrapproving would
// approve. It asks once for all that a requester made.
type AutoApprovals struct {
	Client authorizationv1client.SubjectAccessReviewsGetter
	// Reviews is how many more access reviews may be asked for.
	Reviews int
	// Err is the first error of one.
	Err error

	known map[string]AutoApproval
}

// Of says whether the request would be approved: it is not known when an access
// review fails or too few may still be asked for.
//
// Access: create on subjectaccessreviews.
func (a *AutoApprovals) Of(ctx context.Context, r Request) AutoApproval {
	if outcome, _ := Predict(r); r.SignerName != KubeletClient || outcome != OutcomeIssued {
		return AutoApprovalNo // whoever asks
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
		return AutoApprovalUnknown
	}
	a.Reviews -= reviews
	answer := AutoApprovalNo
	switch automatic, err := IsAutoApproved(ctx, a.Client, r); {
	case err != nil:
		answer = AutoApprovalUnknown
		if a.Err == nil {
			a.Err = err
		}
	case automatic:
		answer = AutoApprovalYes
	}
	if a.known == nil {
		a.known = map[string]AutoApproval{}
	}
	a.known[key] = answer
	return answer
}

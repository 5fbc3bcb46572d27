package csr

import "fmt"

// AutoApproval says whether the controller csrapproving would approve a request,
// as IsAutoApproved finds out.
type AutoApproval int

// What is known of it.
const (
	AutoApprovalUnknown AutoApproval = iota
	AutoApprovalNo
	AutoApprovalYes
)

// Explain says who keeps a request waiting: which approver or signer has not
// acted. It is empty for a request that waits for nobody.
func Explain(r Request, auto AutoApproval) string {
	switch {
	case r.IsPending() && r.SignerName == KubeletClient:
		return explainKubelet(auto)
	case r.IsPending():
		return "no controller of Kubernetes approves requests for " + r.SignerName + ": an administrator does, or an approver that was installed"
	case !r.Is(Approved) || r.Is(Failed) || r.Is(Issued):
		return ""
	}
	switch outcome, reason := Predict(r); outcome {
	case OutcomeUnsigned:
		return fmt.Sprintf("nobody will sign it: %s, %s", r.SignerName, reason)
	case OutcomeUnknown:
		return "the signer " + r.SignerName + ", which is not one of Kubernetes, has not signed it: it may not run"
	default:
		return "the signer " + r.SignerName + " has not signed it: the controller csrsigning does not run, or works through many requests"
	}
}

func explainKubelet(auto AutoApproval) string {
	switch auto {
	case AutoApprovalYes:
		return "the controller csrapproving would approve it, so it does not run"
	case AutoApprovalNo:
		return "its requester is not approved automatically, so an administrator decides"
	default:
		return "an administrator has not approved it, nor has the controller csrapproving: automatic approval is off, or that does not run"
	}
}

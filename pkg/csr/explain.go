package csr

import "fmt"

// AutoApproval says whether the controller csrapproving would approve a request,
// as approval.AutoApprovals finds out.
type AutoApproval int

// What is known of it.
const (
	AutoApprovalUnknown AutoApproval = iota
	AutoApprovalNo
	AutoApprovalYes
)

// Blocker is what keeps a request from its certificate.
type Blocker int

// What it can be.
const (
	// WaitingForNone is that of a request that waits for nobody, and will not get a
	// certificate either if it has none: it was denied or failed.
	WaitingForNone Blocker = iota
	// WaitingForApprover is the controller csrapproving, which would approve it.
	WaitingForApprover
	// WaitingForApproval is a person, or an approver that was installed.
	WaitingForApproval
	// WaitingForSigner is the controller csrsigning.
	WaitingForSigner
	// WaitingForExternalSigner is a signer that is not one of Kubernetes.
	WaitingForExternalSigner
	// NeverSigned is that no signer takes it.
	NeverSigned
)

// BlockerOf returns what keeps the request from its certificate, and says which approver
// or signer has not acted; it says nothing of a request that waits for nobody.
func BlockerOf(r Request, auto AutoApproval) (Blocker, string) {
	switch {
	case r.IsPending() && r.SignerName != KubeletClient:
		return WaitingForApproval, "no controller of Kubernetes approves requests for " + r.SignerName + ": an administrator does, or an approver that was installed"
	case r.IsPending() && auto == AutoApprovalYes:
		return WaitingForApprover, "the controller csrapproving would approve it, so it does not run"
	case r.IsPending() && auto == AutoApprovalNo:
		return WaitingForApproval, "its requester is not approved automatically, so an administrator decides"
	case r.IsPending():
		return WaitingForApproval, "an administrator has not approved it, nor has the controller csrapproving: automatic approval is off, or that does not run"
	case !r.Is(Approved) || r.Is(Failed) || r.Is(Issued):
		return WaitingForNone, ""
	}
	switch outcome, reason := Predict(r); outcome {
	case OutcomeNeverSigned:
		return NeverSigned, fmt.Sprintf("nobody will sign it: %s, %s", r.SignerName, reason)
	case OutcomeUnknown:
		return WaitingForExternalSigner, "the signer " + r.SignerName + ", which is not one of Kubernetes, has not signed it: it may not run"
	default:
		return WaitingForSigner, "the signer " + r.SignerName + " has not signed it: the controller csrsigning does not run, or works through many requests"
	}
}

// Explain says who keeps a request waiting, as BlockerOf does.
func Explain(r Request, auto AutoApproval) string {
	_, explanation := BlockerOf(r, auto)
	return explanation
}

package csr

import (
	"fmt"
)

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

// BlockerOf returns what keeps the request from its certificate.
func BlockerOf(r Request, auto AutoApproval) Blocker {
	switch {
	case r.IsPending() && r.SignerName == KubeletClient && auto == AutoApprovalYes:
		return WaitingForApprover
	case r.IsPending():
		return WaitingForApproval
	case !r.Is(Approved) || r.Is(Failed) || r.Is(Issued):
		return WaitingForNone
	}
	switch outcome, _ := Predict(r); outcome {
	case OutcomeNeverSigned:
		return NeverSigned
	case OutcomeUnknown:
		return WaitingForExternalSigner
	default:
		return WaitingForSigner
	}
}

// Explain says who keeps a request waiting: which approver or signer has not
// acted. It is empty for a request that waits for nobody.
func Explain(r Request, auto AutoApproval) string {
	switch BlockerOf(r, auto) {
	case WaitingForApprover:
		return "the controller csrapproving would approve it, so it does not run"
	case WaitingForApproval:
		return explainPerson(r, auto)
	case NeverSigned:
		_, reason := Predict(r)
		return fmt.Sprintf("nobody will sign it: %s, %s", r.SignerName, reason)
	case WaitingForExternalSigner:
		return "the signer " + r.SignerName + ", which is not one of Kubernetes, has not signed it: it may not run"
	case WaitingForSigner:
		return "the signer " + r.SignerName + " has not signed it: the controller csrsigning does not run, or works through many requests"
	default:
		return ""
	}
}

func explainPerson(r Request, auto AutoApproval) string {
	switch {
	case r.SignerName != KubeletClient:
		return "no controller of Kubernetes approves requests for " + r.SignerName + ": an administrator does, or an approver that was installed"
	case auto == AutoApprovalNo:
		return "its requester is not approved automatically, so an administrator decides"
	}
	return "an administrator has not approved it, nor has the controller csrapproving: automatic approval is off, or that does not run"
}

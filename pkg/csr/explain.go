package csr

import "fmt"

// AutoApproval is whether the controller csrapproving would approve a CSR, as
// approval.AutoApprovals reports it.
type AutoApproval int

// The values of AutoApproval.
const (
	AutoApprovalUnknown AutoApproval = iota
	AutoApprovalNo
	AutoApprovalYes
)

// Blocker is what a CSR without a certificate waits for.
type Blocker int

// The values of Blocker.
const (
	// WaitingForNone means that the CSR does not wait: it has a certificate, or was
	// denied or failed.
	WaitingForNone Blocker = iota
	// WaitingForApprover means the controller csrapproving, which would approve the CSR.
	WaitingForApprover
	// WaitingForApproval means a person, or an approver that was installed.
	WaitingForApproval
	// WaitingForSigner means the controller csrsigning.
	WaitingForSigner
	// WaitingForExternalSigner means a signer that is not part of Kubernetes.
	WaitingForExternalSigner
	// NeverSigned means that no signer exists for the CSR.
	NeverSigned
)

// BlockerOf returns what the CSR waits for, and describes which approver or signer has not
// acted; the description is empty for WaitingForNone.
func BlockerOf(r Request, auto AutoApproval) (Blocker, string) {
	switch {
	case r.IsPending() && r.SignerName != KubeletClient:
		return WaitingForApproval, "Kubernetes does not approve CSRs for " + r.SignerName + ": an administrator or an installed approver must approve it"
	case r.IsPending() && auto == AutoApprovalYes:
		return WaitingForApprover, "the controller csrapproving would approve it, so csrapproving is not running"
	case r.IsPending() && auto == AutoApprovalNo:
		return WaitingForApproval, "CSRs from its requester are not approved automatically, so an administrator must approve it"
	case r.IsPending():
		return WaitingForApproval, "neither an administrator nor the controller csrapproving has approved it: automatic approval is off, or csrapproving is not running"
	case !r.Is(Approved) || r.Is(Failed) || r.Is(Issued):
		return WaitingForNone, ""
	}
	switch outcome, reason := Predict(r); outcome {
	case OutcomeNeverSigned:
		return NeverSigned, fmt.Sprintf("it will never be signed: %s: %s", r.SignerName, reason)
	case OutcomeUnknown:
		return WaitingForExternalSigner, "the signer " + r.SignerName + ", which is not part of Kubernetes, has not signed it: it may not be running"
	default:
		return WaitingForSigner, "the signer " + r.SignerName + " has not signed it: the controller csrsigning is not running, or is processing many CSRs"
	}
}

// Explain describes what the CSR waits for, as BlockerOf does.
func Explain(r Request, auto AutoApproval) string {
	_, explanation := BlockerOf(r, auto)
	return explanation
}

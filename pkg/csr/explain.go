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

// Holdup is what keeps a request from its certificate.
type Holdup int

// What it can be.
const (
	// HoldupNone is that of a request that waits for nobody, and will not get a
	// certificate either if it has none: it was denied or failed.
	HoldupNone Holdup = iota
	// HoldupApprover is the controller csrapproving, which would approve it.
	HoldupApprover
	// HoldupPerson is a person, or an approver that was installed.
	HoldupPerson
	// HoldupSigner is the controller csrsigning.
	HoldupSigner
	// HoldupForeign is a signer that is not one of Kubernetes.
	HoldupForeign
	// HoldupForever is that no signer takes it.
	HoldupForever
)

// HoldupOf returns what keeps the request from its certificate.
func HoldupOf(r Request, auto AutoApproval) Holdup {
	switch {
	case r.IsPending() && r.SignerName == KubeletClient && auto == AutoApprovalYes:
		return HoldupApprover
	case r.IsPending():
		return HoldupPerson
	case !r.Is(Approved) || r.Is(Failed) || r.Is(Issued):
		return HoldupNone
	}
	switch outcome, _ := Predict(r); outcome {
	case OutcomeUnsigned:
		return HoldupForever
	case OutcomeUnknown:
		return HoldupForeign
	default:
		return HoldupSigner
	}
}

// Explain says who keeps a request waiting: which approver or signer has not
// acted. It is empty for a request that waits for nobody.
func Explain(r Request, auto AutoApproval) string {
	switch HoldupOf(r, auto) {
	case HoldupApprover:
		return "the controller csrapproving would approve it, so it does not run"
	case HoldupPerson:
		return explainPerson(r, auto)
	case HoldupForever:
		_, reason := Predict(r)
		return fmt.Sprintf("nobody will sign it: %s, %s", r.SignerName, reason)
	case HoldupForeign:
		return "the signer " + r.SignerName + ", which is not one of Kubernetes, has not signed it: it may not run"
	case HoldupSigner:
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

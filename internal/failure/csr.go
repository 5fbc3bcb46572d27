package failure

import (
	"errors"

	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// nameIn returns the name of the CSR, or the node, that err is about; empty if err does
// not have it.
func nameIn(err error) string {
	var about *csr.RequestError
	var violation *approval.PolicyViolationError
	var conflict *approval.ConflictError
	switch {
	case errors.As(err, &about):
		return about.Name
	case errors.As(err, &violation):
		return violation.Name
	case errors.As(err, &conflict):
		return conflict.NodeName
	}
	return ""
}

// violationHint says what to do about a CSR that violates the approval policy.
func violationHint(err error) (hint, node string) {
	var violation *approval.PolicyViolationError
	_ = errors.As(err, &violation)
	hint = "review the CSR before overriding these rules with --force: bootctl csr review NAME"
	for _, v := range violation.Violations {
		switch {
		case v.Absolute:
			return "deny the CSR, since these rules cannot be overridden: bootctl csr deny NAME --reason REASON", ""
		case v.Rule == "signer":
			hint = "set --signer to evaluate the CSR by the rules of its signer: bootctl csr review NAME"
		}
	}
	return hint, ""
}

// Rows of CSRs and their certificates.
var csrRows = []row{
	{reason: "CSRNotFound", exit: ExitNotFound, when: is(csr.ErrNotFound),
		hint: "list the CSRs: bootctl csr list"},
	{reason: "CSRPending", exit: ExitTimeout, when: is(csr.ErrPending),
		hint: "approve the CSR: bootctl csr approve NAME",
		node: "ask an administrator to run bootctl csr approve NAME, then run the same command again"},
	{reason: "CSRNotSigned", exit: ExitTimeout, when: is(csr.ErrUnsigned),
		hint: "start the csrsigning controller of kube-controller-manager, or the signer that the CSR names",
		node: "ask an administrator to start the csrsigning controller of kube-controller-manager"},
	{reason: "CSRReplaced", exit: ExitConflict, when: is(csr.ErrReplaced),
		hint: "look at the CSR that has the name now: bootctl csr review NAME"},
	{reason: "CSRDiffers", exit: ExitConflict, when: is(csr.ErrDiffers),
		hint: "delete the CSR of that name: bootctl csr delete NAME",
		node: "ask an administrator to run: bootctl csr delete NAME"},
	{reason: "CSRStillPending", exit: ExitRefused, when: is(approval.ErrUndecided),
		hint: "deny the CSR first: bootctl csr deny NAME --reason REASON"},
	{reason: "AlreadyApproved", exit: ExitConflict, when: is(approval.ErrApproved),
		hint: "remove the node's permissions instead: an issued certificate cannot be revoked, and is valid until it expires"},
	{reason: "Denied", exit: ExitRefused, when: is(csr.ErrDenied),
		hint: "delete the CSR so that it can be requested again: bootctl csr delete NAME",
		node: "ask an administrator to run bootctl csr delete NAME, then run the same command again; or use another key: bootctl join --new-key"},
	{reason: "SignerFailed", exit: ExitRefused, when: is(csr.ErrFailed),
		hint: "correct what the signer's message names, then delete the CSR: bootctl csr delete NAME",
		node: "ask an administrator to correct what the signer's message names, then to run: bootctl csr delete NAME"},
	{reason: "PolicyViolation", exit: ExitRefused, when: as[*approval.PolicyViolationError],
		hint: "review the CSR before overriding these rules with --force: bootctl csr review NAME",
		fill: violationHint},
	{reason: "ConflictingCSRs", exit: ExitConflict, when: as[*approval.ConflictError],
		hint: "compare the fingerprint at the node: bootctl csr approve --node NODE --fingerprint FINGERPRINT"},
	{reason: "AmbiguousCSR", exit: ExitConflict, when: is(approval.ErrAmbiguousCSR),
		hint: "list the CSRs and name one: bootctl csr list --pending"},
	{reason: "FingerprintMismatch", exit: ExitConflict, when: is(approval.ErrFingerprintMismatch),
		hint: "compare the fingerprint at the node again: another machine may have requested this certificate"},
	{reason: "CertificateInvalid", exit: ExitNotVerified, when: is(csr.ErrCertificate),
		hint: "check which CA signs for this cluster: kube-controller-manager's --cluster-signing-cert-file",
		node: "ask an administrator which signer issues for this cluster, then request another certificate: bootctl join --new-key"},
	{reason: "InvalidFingerprint", exit: ExitUsage, when: is(csr.ErrInvalidFingerprint),
		hint: "copy the fingerprint from a waiting bootctl join, or show it: bootctl csr review NAME"},
	{reason: "InvalidCSR", exit: ExitUsage, when: is(csr.ErrUnfit, csr.ErrInvalidRequest, csr.ErrInvalidSAN)},
	{reason: "InvalidKey", exit: ExitUsage, when: is(csr.ErrInvalidKey),
		hint: "give a file with a private key in PEM, or one that does not exist yet"},
	{reason: "InvalidNodeName", exit: ExitUsage, when: is(csr.ErrInvalidNodeName),
		hint: "give a name such as worker-1.example.com"},
}

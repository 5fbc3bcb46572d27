package approval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Criteria are the conditions under which a CSR may be approved.
type Criteria struct {
	// Signer is the signer whose rules apply; empty means csr.KubeletClient.
	Signer string
	// Fingerprint is a result of csr.ParseFingerprint; empty means any key.
	Fingerprint string
	// Conflicts are conflicts that the CSR must not be in, as [Candidates] found them.
	Conflicts Conflicts
	// Addresses are the result of [ReadAddresses], which Evaluate calls if it is nil and
	// the CSR is for a serving certificate.
	Addresses *Addresses
	// AllowedAddresses are IP addresses and host names that the approver confirms as the
	// node's; see Facts. The CSR must be the one of the node that the approver named.
	AllowedAddresses []string
	// Force overrides all rules that are Overridable.
	Force bool
}

// Evaluation is the result of the rules for one CSR. Rules is empty for a CSR that is not
// pending. Without an error, violated rules are those that Criteria.Force overrode.
type Evaluation struct {
	// Request is the CSR as it was read.
	Request csr.Request
	Rules   []RuleResult
}

// Evaluate checks whether the CSR, which it reads as [csr.Get] does, may be approved, or was
// approved before. It returns the errors of csr.Get, a *[ConflictError], an error that
// matches ErrFingerprintMismatch, csr.ErrDenied or csr.ErrFailed, or a
// *[PolicyViolationError] together with the Evaluation.
//
// Access: get on certificatesigningrequests and nodes; for clients of the API server,
// create on subjectaccessreviews; for serving certificates, as [ReadAddresses].
func Evaluate(ctx context.Context, client *kubeclient.Client, r csr.Request, want Criteria) (Evaluation, error) {
	r, err := csr.Get(ctx, client.Certificates, r)
	e := Evaluation{Request: r}
	if err == nil {
		err = want.Conflicts.check(r)
	}
	switch {
	case err != nil:
		return e, err
	case !(csr.Filter{Fingerprint: want.Fingerprint}).Match(r):
		return e, &csr.RequestError{Name: r.Name, Err: ErrFingerprintMismatch}
	case !r.IsPending(): // already decided
		return e, r.Refused()
	}
	facts, err := gatherFacts(ctx, client, r, want)
	if err != nil {
		return e, err
	}
	e.Rules = Check(r, facts)
	violations := Violations(e.Rules)
	if want.Force {
		violations = slices.DeleteFunc(violations, func(v RuleResult) bool { return v.Overridable })
	}
	if len(violations) > 0 {
		violation := &PolicyViolationError{Name: r.Name, Violations: violations}
		violation.AllowAddresses = allowableAddresses(r, facts)
		if len(violation.AllowAddresses) > 0 {
			violation.NodeName = r.NodeName()
		}
		return e, violation
	}
	return e, nil
}

// allowableAddresses returns the addresses with which the CSR would violate no rule if the
// approver allowed them; none if there are other violations.
func allowableAddresses(r csr.Request, facts Facts) []string {
	facts.AllowedAddresses = hosts(r)
	if len(Violations(Check(r, facts))) > 0 {
		return nil
	}
	return slices.DeleteFunc(hosts(r), func(host string) bool {
		isOwnName := parseAddress(host) == nil && canonicalHost(host) == r.NodeName()
		return facts.Addresses.owner(host, r.NodeName()) == "" && (isOwnName || parseAddress(host) != nil)
	})
}

// ReviewResult is what an approver must know about a CSR in addition to its content.
type ReviewResult struct {
	// Request is the CSR as it was read.
	Request csr.Request
	// NodeExists reports whether the cluster has a Node with the requested name.
	NodeExists bool
	Rules      []RuleResult
	// Outcome is what the signer does once the CSR is approved.
	Outcome       csr.Outcome
	OutcomeReason string
	// PendingReason is the reason why it has no certificate yet, as [Wait] explains it.
	PendingReason string
	// Conflicting are the names of other CSRs for the same node with another key; nil
	// if the caller may not list CSRs.
	Conflicting []string
	// MissingPermission is why the caller may not approve it; nil if the caller may.
	MissingPermission *kubeclient.MissingPermissionError
}

// Review evaluates a CSR, which it reads as [csr.Get] does, by the rules of its signer, and
// predicts what that signer will do.
//
// Access: get on certificatesigningrequests and nodes; list on
// certificatesigningrequests and create on subjectaccessreviews, without which the
// result has less detail; for serving certificates, as [ReadAddresses].
func Review(ctx context.Context, client *kubeclient.Client, r csr.Request) (ReviewResult, error) {
	r, err := csr.Get(ctx, client.Certificates, r)
	if err != nil {
		return ReviewResult{}, err
	}
	facts, err := gatherFacts(ctx, client, r, Criteria{Signer: r.SignerName})
	if err != nil {
		return ReviewResult{}, err
	}
	review := ReviewResult{Request: r, NodeExists: facts.NodeExists, Rules: Check(r, facts), PendingReason: explain(ctx, client.Authorization, r)}
	review.Outcome, review.OutcomeReason = csr.Predict(r)
	if r.IsPending() && r.NodeName() != "" {
		if _, conflicts, err := list(ctx, client.Certificates, csr.Filter{SignerName: r.SignerName, Node: r.NodeName()}); err == nil {
			review.Conflicting = conflicts.Of(r)
		}
	}
	err = CheckAccess(ctx, client.Authorization, r.SignerName)
	if errors.As(err, &review.MissingPermission) {
		err = nil
	}
	return review, err
}

// Preview returns the rules that the CSR violates whatever its requester and the state of
// the cluster.
func Preview(r csr.Request) []RuleResult {
	always := []string{"not privileged", "lifetime", "subject", "node name", "no extensions", "no other extensions"}
	violations := Violations(Check(r, Facts{Signer: r.SignerName}))
	return slices.DeleteFunc(violations, func(v RuleResult) bool { return !slices.Contains(always, v.Rule) })
}

// gatherFacts reads what the rules need to know about the cluster.
func gatherFacts(ctx context.Context, client *kubeclient.Client, r csr.Request, want Criteria) (Facts, error) {
	facts := Facts{Signer: want.Signer, AllowedAddresses: want.AllowedAddresses}
	if r.SignerName == csr.APIServerClient && r.PKCS10 != nil {
		var err error
		subject := r.PKCS10.Subject
		facts.Privilege, err = AdminPermission(ctx, client.Authorization, subject.CommonName, append([]string{"system:authenticated"}, subject.Organization...))
		return facts, err
	}
	if r.SignerName == csr.KubeletServing && want.Addresses == nil {
		addresses, err := ReadAddresses(ctx, client)
		if err != nil {
			return facts, err
		}
		want.Addresses = &addresses
	}
	facts.Addresses = *cmp.Or(want.Addresses, &Addresses{})
	name := r.NodeName()
	if csr.ValidateNodeName(name) != nil {
		return facts, nil // it violates a rule whatever the facts
	}
	node, err := client.Core.Nodes().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return facts, nil
	}
	if err != nil {
		return facts, fmt.Errorf("get node %s: %w", name, err)
	}
	facts.NodeExists = true
	for _, address := range node.Status.Addresses {
		facts.NodeAddresses = append(facts.NodeAddresses, address.Address)
	}
	return facts, nil
}

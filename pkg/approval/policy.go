package approval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bootctl/bootctl/pkg/csr"
)

// Facts are what the rules need to know beside the request itself.
type Facts struct {
	// Signer is the one that the approver named; empty means KubeletClient.
	Signer string
	// NodeExists says whether the cluster has a Node of the name asked for, and
	// NodeAddresses which addresses and host names that Node has.
	NodeExists    bool
	NodeAddresses []string
	// Privilege is what the identity asked for may do that makes it an
	// administrator, as AdminPermission finds out; empty when it may not.
	Privilege string
}

// RuleResult is what one rule says of a request.
type RuleResult struct {
	Rule string
	OK   bool
	// Detail says what was found.
	Detail string
	// Absolute says that nobody may pass over the rule.
	Absolute bool
}

func (r RuleResult) String() string { return fmt.Sprintf("%s (%s)", r.Rule, r.Detail) }

// Describe returns the results as one text.
func Describe(rules []RuleResult) string {
	var texts []string
	for _, rule := range rules {
		texts = append(texts, rule.String())
	}
	return strings.Join(texts, "; ")
}

// maxLifetime is the longest lifetime that a request may ask for: what
// kube-controller-manager gives by default.
const maxLifetime = 365 * 24 * time.Hour

// Check judges a request by the rules for its signer, and returns the verdict of
// each, in a fixed order; the request is fit to be approved when all are OK.
//
// For KubeletClient they are all that a kubelet may ask for: the subject, the
// names and the usages that its signer takes, and beyond that one valid name, a
// strong key, a bootstrap token or the node itself as requester, and no Node of
// the name unless it is the node that asks. For KubeletServing the node itself
// must ask, for addresses that its Node has. No signer is to certify a
// privileged identity.
func Check(r csr.Request, facts Facts) []RuleResult {
	verdicts := []RuleResult{
		{Rule: "readable", OK: r.Problem == "", Detail: r.Problem, Absolute: true},
		{Rule: "pending", OK: r.IsPending(), Detail: strings.Join(r.Conditions, ","), Absolute: true},
		{Rule: "signer", OK: r.SignerName == cmp.Or(facts.Signer, csr.KubeletClient), Detail: r.SignerName},
	}
	if r.PKCS10 == nil {
		return verdicts
	}
	privilege := privilege(r, facts)
	lifetime := time.Duration(r.ExpirationSeconds) * time.Second
	asked := lifetime.String()
	if lifetime == 0 {
		asked = "left to the signer"
	}
	verdicts = append(verdicts,
		RuleResult{Rule: "signed with its key", OK: r.PKCS10.CheckSignature() == nil, Absolute: true},
		RuleResult{Rule: "not privileged", OK: privilege == "", Detail: cmp.Or(privilege, "no name that is kept for Kubernetes or its administrators"), Absolute: true},
		RuleResult{Rule: "key", OK: csr.IsStrong(r.PKCS10.PublicKey), Detail: csr.KeyType(r.PKCS10.PublicKey)},
		RuleResult{Rule: "lifetime", OK: lifetime <= maxLifetime, Detail: asked},
	)
	switch r.SignerName {
	case csr.KubeletClient:
		return append(verdicts, checkKubeletClient(r, facts)...)
	case csr.KubeletServing:
		return append(verdicts, checkKubeletServing(r, facts)...)
	case csr.APIServerClient:
		return append(verdicts, checkClient(r)...)
	}
	return verdicts
}

// Violations returns the verdicts that are not OK.
func Violations(verdicts []RuleResult) []RuleResult {
	return slices.DeleteFunc(slices.Clone(verdicts), func(v RuleResult) bool { return v.OK })
}

// PolicyViolationError says which rules a request breaks.
type PolicyViolationError struct {
	Name       string
	Violations []RuleResult
}

func (e *PolicyViolationError) Error() string {
	return fmt.Sprintf("request %s breaks the rules: %s", e.Name, Describe(e.Violations))
}

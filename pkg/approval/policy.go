package approval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bootctl/bootctl/pkg/csr"
)

// Facts are what the rules need to know in addition to the CSR.
type Facts struct {
	// Signer is the signer name that the approver selected. Defaults to KubeletClient.
	Signer string
	// NodeExists reports whether the cluster has a Node with the requested name.
	NodeExists bool
	// NodeAddresses are the addresses and host names in the status of that Node, which the
	// node writes itself.
	NodeAddresses []string
	// Addresses are the addresses of the API server and of other nodes.
	Addresses Addresses
	// AllowedAddresses are IP addresses and host names that the approver confirms as the
	// node's, although the API server also has them, or they are not the node's name.
	AllowedAddresses []string
	// Privilege is the permission that makes the requested identity an administrator,
	// as AdminPermission returns it; empty if it has none.
	Privilege string
}

// RuleResult is the result of one rule of the approval policy for a CSR.
type RuleResult struct {
	Rule   string
	Passed bool
	// Message describes what was found.
	Message string
	// Overridable reports whether an approver can override the rule.
	Overridable bool
}

func (r RuleResult) String() string { return fmt.Sprintf("%s (%s)", r.Rule, r.Message) }

// Describe returns the results as one text.
func Describe(rules []RuleResult) string {
	var texts []string
	for _, rule := range rules {
		texts = append(texts, rule.String())
	}
	return strings.Join(texts, "; ")
}

// maxLifetime is the longest lifetime that a CSR may request: kube-controller-manager's
// default.
const maxLifetime = 365 * 24 * time.Hour

// mandatory are the rules that an approver cannot override.
var mandatory = []string{"readable", "well-formed", "pending", "signed with its key", "not privileged", "no reserved address", "no shared address", "host names"}

// Check evaluates the rules for the signer of a CSR and returns the result of each
// rule, in a fixed order. The CSR can be approved if every rule passed.
//
// For KubeletClient the rules allow what a kubelet may request: the subject, the names
// and the usages that the signer accepts, one valid node name, a strong key, a bootstrap
// token or the node itself as the requester, and no existing Node with that name unless
// the node itself is the requester. For KubeletServing the node itself must be the
// requester, and the names must be addresses of its Node that neither the API server nor
// another node has. For APIServerClient neither a bootstrap token nor a node may be the
// requester. No rule set allows a privileged identity, or a part that no rule reads.
//
// Source: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
func Check(r csr.Request, facts Facts) []RuleResult {
	results := evaluateRules(r, facts)
	for i := range results {
		results[i].Overridable = !slices.Contains(mandatory, results[i].Rule)
	}
	return results
}

func evaluateRules(r csr.Request, facts Facts) []RuleResult {
	results := []RuleResult{
		{Rule: "readable", Passed: r.Problem == "", Message: r.Problem},
		{Rule: "pending", Passed: r.IsPending(), Message: strings.Join(r.Conditions, ",")},
		{Rule: "signer", Passed: r.SignerName == cmp.Or(facts.Signer, csr.KubeletClient), Message: r.SignerName},
	}
	if r.PKCS10 == nil {
		return results
	}
	privilege, malformed := privilege(r, facts), checkWellFormed(r)
	lifetime := time.Duration(r.ExpirationSeconds) * time.Second
	requested := lifetime.String()
	if lifetime == 0 {
		requested = "chosen by the signer"
	}
	results = append(results,
		RuleResult{Rule: "well-formed", Passed: malformed == nil, Message: describe(malformed)},
		RuleResult{Rule: "signed with its key", Passed: r.PKCS10.CheckSignature() == nil},
		RuleResult{Rule: "not privileged", Passed: privilege == "", Message: cmp.Or(privilege, "not a name reserved for Kubernetes or its administrators")},
		RuleResult{Rule: "key", Passed: csr.IsStrong(r.PKCS10.PublicKey), Message: csr.KeyType(r.PKCS10.PublicKey)},
		RuleResult{Rule: "lifetime", Passed: lifetime <= maxLifetime, Message: requested},
	)
	switch r.SignerName {
	case csr.KubeletClient:
		return append(results, checkKubeletClient(r, facts)...)
	case csr.KubeletServing:
		return append(results, checkKubeletServing(r, facts)...)
	case csr.APIServerClient:
		return append(results, checkClient(r)...)
	}
	return results
}

// describe returns the text of an error, and no text if there is none.
func describe(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Violations returns the results of the rules that failed.
func Violations(results []RuleResult) []RuleResult {
	return slices.DeleteFunc(slices.Clone(results), func(r RuleResult) bool { return r.Passed })
}

// PolicyViolationError names the rules of the approval policy that a CSR violates.
type PolicyViolationError struct {
	Name       string
	Violations []RuleResult
	// NodeName is the node that the CSR is for, if these are addresses that an approver may
	// allow for it with Criteria.AllowedAddresses.
	NodeName       string
	AllowAddresses []string
}

func (e *PolicyViolationError) Error() string {
	return fmt.Sprintf("CSR %s violates the approval policy: %s", e.Name, Describe(e.Violations))
}

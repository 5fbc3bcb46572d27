package approval

import (
	"cmp"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/cluster-bootstrap/token/api"

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
	verdicts = append(verdicts,
		RuleResult{Rule: "signed with its key", OK: r.PKCS10.CheckSignature() == nil, Absolute: true},
		RuleResult{Rule: "not privileged", OK: privilege == "", Detail: cmp.Or(privilege, "no name that is kept for Kubernetes or its administrators"), Absolute: true},
		RuleResult{Rule: "key", OK: csr.IsStrong(r.PKCS10.PublicKey), Detail: csr.KeyType(r.PKCS10.PublicKey)},
		RuleResult{Rule: "lifetime", OK: lifetime <= maxLifetime, Detail: lifetimeDetail(lifetime)},
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

func checkKubeletClient(r csr.Request, facts Facts) []RuleResult {
	self := csr.NodeUserPrefix + r.NodeName()
	return []RuleResult{
		{Rule: "subject", OK: isNodeSubject(r), Detail: r.Subject()},
		{Rule: "node name", OK: csr.ValidateNodeName(r.NodeName()) == nil, Detail: r.NodeName()},
		{Rule: "no extensions", OK: hasNoExtensions(r), Detail: extensionDetail(r)},
		{Rule: "usages", OK: isUsages(r, "client auth"), Detail: strings.Join(r.Usages, ", ")},
		{Rule: "requester", OK: isBootstrapper(r) || r.Username == self, Detail: r.Username},
		{Rule: "new node", OK: !facts.NodeExists || r.Username == self, Detail: existence(facts)},
	}
}

func checkKubeletServing(r csr.Request, facts Facts) []RuleResult {
	return []RuleResult{
		{Rule: "subject", OK: isNodeSubject(r), Detail: r.Subject()},
		{Rule: "node name", OK: csr.ValidateNodeName(r.NodeName()) == nil, Detail: r.NodeName()},
		{Rule: "no other extensions", OK: onlyNames(r), Detail: extensionDetail(r)},
		{Rule: "addresses of the node", OK: areAddresses(r, facts), Detail: addressDetail(r, facts)},
		{Rule: "usages", OK: isUsages(r, "server auth"), Detail: strings.Join(r.Usages, ", ")},
		{Rule: "requester", OK: r.Username == csr.NodeUserPrefix+r.NodeName(), Detail: r.Username},
		{Rule: "known node", OK: facts.NodeExists, Detail: existence(facts)},
	}
}

func checkClient(r csr.Request) []RuleResult {
	return []RuleResult{
		{Rule: "subject", OK: oneCommonName(r), Detail: r.Subject()},
		{Rule: "no extensions", OK: hasNoExtensions(r), Detail: extensionDetail(r)},
		{Rule: "usages", OK: csr.ClientProblem(r) == "", Detail: strings.Join(r.Usages, ", ")},
	}
}

// Violations returns the verdicts that are not OK.
func Violations(verdicts []RuleResult) []RuleResult {
	return slices.DeleteFunc(slices.Clone(verdicts), func(v RuleResult) bool { return v.OK })
}

// privilege says what the certificate would give that is kept for Kubernetes itself or
// for its administrators: a name in its subject, each attribute of one that has
// several, or what its identity may do. It is empty when that is nothing. The subject
// of a node is not kept, where the signer is for nodes.
func privilege(r csr.Request, facts Facts) string {
	ofNode := r.SignerName == csr.KubeletClient || r.SignerName == csr.KubeletServing
	for _, attribute := range r.PKCS10.Subject.Names {
		value, isText := attribute.Value.(string)
		isNode := ofNode && (isType(attribute, organization) && value == csr.NodesGroup ||
			isType(attribute, commonName) && strings.HasPrefix(value, csr.NodeUserPrefix))
		if isText && !isNode && (strings.HasPrefix(value, "system:") || value == "kubeadm:cluster-admins") {
			return value + " is kept for Kubernetes and its administrators"
		}
	}
	if facts.Privilege != "" {
		return r.Subject() + " may " + facts.Privilege
	}
	return ""
}

// The attributes of a subject that Kubernetes reads: RFC 5280, appendix A.
const (
	commonName   = 3
	organization = 10
)

func isType(attribute pkix.AttributeTypeAndValue, kind int) bool {
	return attribute.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, kind})
}

// isNodeSubject wants one CN, one O and nothing else, each by itself: of two CNs
// the last would win in the certificate, while tools show both.
func isNodeSubject(r csr.Request) bool {
	subject := r.PKCS10.Subject
	return oneCommonName(r) && strings.HasPrefix(subject.CommonName, csr.NodeUserPrefix) &&
		slices.Equal(subject.Organization, []string{csr.NodesGroup})
}

// oneCommonName wants one CN that is not empty and stands by itself, any number of
// O, and nothing else.
func oneCommonName(r csr.Request) bool {
	names, subject := 0, pkix.RDNSequence{}
	if _, err := asn1.Unmarshal(r.PKCS10.RawSubject, &subject); err != nil {
		return false
	}
	for _, set := range subject {
		if len(set) == 1 && isType(set[0], commonName) {
			names++
		} else if len(set) == 0 || slices.ContainsFunc(set, func(a pkix.AttributeTypeAndValue) bool { return !isType(a, organization) }) {
			return false
		}
	}
	return names == 1 && r.PKCS10.Subject.CommonName != ""
}

func isUsages(r csr.Request, auth string) bool {
	want := []string{"digital signature", auth}
	if slices.Contains(r.Usages, "key encipherment") { // for RSA
		want = append(want, "key encipherment")
	}
	return slices.Equal(slices.Sorted(slices.Values(r.Usages)), slices.Sorted(slices.Values(want)))
}

// isBootstrapper says whether a bootstrap token sent the request.
func isBootstrapper(r csr.Request) bool {
	return strings.HasPrefix(r.Username, api.BootstrapUserPrefix) && slices.Contains(r.Groups, api.BootstrapDefaultGroup)
}

func addressDetail(r csr.Request, facts Facts) string {
	if others := unknownSANs(r, facts); len(others) > 0 {
		return fmt.Sprintf("%q is not among the Node's %q", others, facts.NodeAddresses)
	}
	return strings.Join(r.SANs(), " ")
}

func extensionDetail(r csr.Request) string {
	details := r.SANs()
	for _, extension := range r.PKCS10.Extensions {
		if !extension.Id.Equal(alternativeNames) { // which stand there themselves
			details = append(details, "extension "+extension.Id.String())
		}
	}
	return strings.Join(details, " ")
}

func lifetimeDetail(lifetime time.Duration) string {
	if lifetime == 0 {
		return "left to the signer"
	}
	return lifetime.String()
}

func existence(facts Facts) string {
	if facts.NodeExists {
		return "a Node of this name exists"
	}
	return "no Node of this name exists"
}

// PolicyViolationError says which rules a request breaks.
type PolicyViolationError struct {
	Name       string
	Violations []RuleResult
}

func (e *PolicyViolationError) Error() string {
	return fmt.Sprintf("request %s breaks the rules: %s", e.Name, Describe(e.Violations))
}

package approval

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/csr"
)

func checkKubeletClient(r csr.Request, facts Facts) []RuleResult {
	self := csr.NodeUserPrefix + r.NodeName()
	byToken := strings.HasPrefix(r.Username, api.BootstrapUserPrefix) && slices.Contains(r.Groups, api.BootstrapDefaultGroup)
	return []RuleResult{
		{Rule: "subject", Passed: isNodeSubject(r), Message: r.Subject()},
		{Rule: "node name", Passed: csr.ValidateNodeName(r.NodeName()) == nil, Message: r.NodeName()},
		{Rule: "no extensions", Passed: hasNoExtensions(r), Message: extensionDetail(r)},
		{Rule: "usages", Passed: isUsages(r, "client auth"), Message: strings.Join(r.Usages, ", ")},
		{Rule: "requester", Passed: byToken || r.Username == self, Message: r.Username},
		{Rule: "new node", Passed: !facts.NodeExists || r.Username == self, Message: existence[facts.NodeExists]},
	}
}

func checkKubeletServing(r csr.Request, facts Facts) []RuleResult {
	unknown, addresses := unknownSANs(r, facts), strings.Join(r.SANs(), " ")
	if len(unknown) > 0 {
		addresses = fmt.Sprintf("%q is not among the Node's %q", unknown, facts.NodeAddresses)
	}
	reserved, shared, foreign := hostsWith(r, facts.Addresses.reserved), describeShared(r, facts), describeForeign(r, facts)
	return []RuleResult{
		{Rule: "subject", Passed: isNodeSubject(r), Message: r.Subject()},
		{Rule: "node name", Passed: csr.ValidateNodeName(r.NodeName()) == nil, Message: r.NodeName()},
		{Rule: "no other extensions", Passed: onlyNames(r), Message: extensionDetail(r)},
		{Rule: "addresses of the node", Passed: len(r.SANs()) > 0 && len(unknown) == 0, Message: addresses},
		{Rule: "no reserved address", Passed: reserved == "", Message: reserved},
		{Rule: "no shared address", Passed: shared == "", Message: shared},
		{Rule: "host names", Passed: foreign == "", Message: foreign},
		{Rule: "usages", Passed: isUsages(r, "server auth"), Message: strings.Join(r.Usages, ", ")},
		{Rule: "requester", Passed: r.Username == csr.NodeUserPrefix+r.NodeName(), Message: r.Username},
		{Rule: "known node", Passed: facts.NodeExists, Message: existence[facts.NodeExists]},
	}
}

// describeShared describes the addresses that the API server or another node has, except
// those that the approver allows.
func describeShared(r csr.Request, facts Facts) string {
	return hostsWith(r, func(host string) string {
		owner := facts.Addresses.owner(host, r.NodeName())
		if owner == "" || facts.allows(host) {
			return ""
		}
		return "is an address of " + owner
	})
}

// describeForeign describes the host names that are not the node's name, except those that
// the approver allows.
func describeForeign(r csr.Request, facts Facts) string {
	return hostsWith(r, func(host string) string {
		if parseAddress(host) != nil || canonicalHost(host) == r.NodeName() || facts.allows(host) {
			return ""
		}
		return "is not the name of the node"
	})
}

// allows reports whether the approver allows the address for the node.
func (f Facts) allows(host string) bool {
	return slices.ContainsFunc(f.AllowedAddresses, func(allowed string) bool { return canonicalHost(allowed) == canonicalHost(host) })
}

func checkClient(r csr.Request) []RuleResult {
	return []RuleResult{
		{Rule: "requester", Passed: !isMachine(r), Message: r.Username},
		{Rule: "subject", Passed: oneCommonName(r), Message: r.Subject()},
		{Rule: "no extensions", Passed: hasNoExtensions(r), Message: extensionDetail(r)},
		{Rule: "usages", Passed: csr.ClientProblem(r) == "", Message: strings.Join(r.Usages, ", ")},
	}
}

// isMachine reports whether the requester is a bootstrap token, a node, or nobody: none of
// them requests certificates for users.
func isMachine(r csr.Request) bool {
	isMachineGroup := func(group string) bool {
		return group == csr.NodesGroup || group == api.BootstrapDefaultGroup || group == "system:unauthenticated" || strings.HasPrefix(group, "system:bootstrappers:")
	}
	return strings.HasPrefix(r.Username, api.BootstrapUserPrefix) || strings.HasPrefix(r.Username, csr.NodeUserPrefix) ||
		r.Username == "system:anonymous" || slices.ContainsFunc(r.Groups, isMachineGroup)
}

func isUsages(r csr.Request, auth string) bool {
	want := []string{"digital signature", auth}
	if slices.Contains(r.Usages, "key encipherment") { // for RSA
		want = append(want, "key encipherment")
	}
	return slices.Equal(slices.Sorted(slices.Values(r.Usages)), slices.Sorted(slices.Values(want)))
}

func extensionDetail(r csr.Request) string {
	details := r.SANs()
	for _, extension := range r.PKCS10.Extensions {
		if !extension.Id.Equal(alternativeNames) { // these are already in details
			details = append(details, "extension "+extension.Id.String())
		}
	}
	return strings.Join(details, " ")
}

// existence describes whether a Node with the requested name exists.
var existence = map[bool]string{true: "a Node with this name exists", false: "no Node with this name exists"}

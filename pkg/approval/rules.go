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
	return []RuleResult{
		{Rule: "subject", Passed: isNodeSubject(r), Message: r.Subject()},
		{Rule: "node name", Passed: csr.ValidateNodeName(r.NodeName()) == nil, Message: r.NodeName()},
		{Rule: "no other extensions", Passed: onlyNames(r), Message: extensionDetail(r)},
		{Rule: "addresses of the node", Passed: len(r.SANs()) > 0 && len(unknown) == 0, Message: addresses},
		{Rule: "usages", Passed: isUsages(r, "server auth"), Message: strings.Join(r.Usages, ", ")},
		{Rule: "requester", Passed: r.Username == csr.NodeUserPrefix+r.NodeName(), Message: r.Username},
		{Rule: "known node", Passed: facts.NodeExists, Message: existence[facts.NodeExists]},
	}
}

func checkClient(r csr.Request) []RuleResult {
	return []RuleResult{
		{Rule: "subject", Passed: oneCommonName(r), Message: r.Subject()},
		{Rule: "no extensions", Passed: hasNoExtensions(r), Message: extensionDetail(r)},
		{Rule: "usages", Passed: csr.ClientProblem(r) == "", Message: strings.Join(r.Usages, ", ")},
	}
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

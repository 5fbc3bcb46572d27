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
		{Rule: "subject", OK: isNodeSubject(r), Detail: r.Subject()},
		{Rule: "node name", OK: csr.ValidateNodeName(r.NodeName()) == nil, Detail: r.NodeName()},
		{Rule: "no extensions", OK: hasNoExtensions(r), Detail: extensionDetail(r)},
		{Rule: "usages", OK: isUsages(r, "client auth"), Detail: strings.Join(r.Usages, ", ")},
		{Rule: "requester", OK: byToken || r.Username == self, Detail: r.Username},
		{Rule: "new node", OK: !facts.NodeExists || r.Username == self, Detail: existence[facts.NodeExists]},
	}
}

func checkKubeletServing(r csr.Request, facts Facts) []RuleResult {
	unknown, addresses := unknownSANs(r, facts), strings.Join(r.SANs(), " ")
	if len(unknown) > 0 {
		addresses = fmt.Sprintf("%q is not among the Node's %q", unknown, facts.NodeAddresses)
	}
	return []RuleResult{
		{Rule: "subject", OK: isNodeSubject(r), Detail: r.Subject()},
		{Rule: "node name", OK: csr.ValidateNodeName(r.NodeName()) == nil, Detail: r.NodeName()},
		{Rule: "no other extensions", OK: onlyNames(r), Detail: extensionDetail(r)},
		{Rule: "addresses of the node", OK: len(r.SANs()) > 0 && len(unknown) == 0, Detail: addresses},
		{Rule: "usages", OK: isUsages(r, "server auth"), Detail: strings.Join(r.Usages, ", ")},
		{Rule: "requester", OK: r.Username == csr.NodeUserPrefix+r.NodeName(), Detail: r.Username},
		{Rule: "known node", OK: facts.NodeExists, Detail: existence[facts.NodeExists]},
	}
}

func checkClient(r csr.Request) []RuleResult {
	return []RuleResult{
		{Rule: "subject", OK: oneCommonName(r), Detail: r.Subject()},
		{Rule: "no extensions", OK: hasNoExtensions(r), Detail: extensionDetail(r)},
		{Rule: "usages", OK: csr.ClientProblem(r) == "", Detail: strings.Join(r.Usages, ", ")},
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
		if !extension.Id.Equal(alternativeNames) { // which stand there themselves
			details = append(details, "extension "+extension.Id.String())
		}
	}
	return strings.Join(details, " ")
}

// existence says whether there is a Node of the name asked for.
var existence = map[bool]string{true: "a Node of this name exists", false: "no Node of this name exists"}

package csr

import (
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/cluster-bootstrap/token/api"
)

// Facts are what the rules need to know beside the request itself.
type Facts struct {
	// NodeExists says whether the cluster has a Node of the name asked for.
	NodeExists bool
}

// Verdict is what one rule says of a request.
type Verdict struct {
	Rule string
	OK   bool
	// Detail says what was found.
	Detail string
}

// Check judges a request by the rules for the client certificate of a node,
// which are all that a kubelet may ask for. It returns the verdict of each rule,
// in a fixed order; the request is fit to be approved when all are OK.
//
// The rules on subject, usages and names are those of the signer
// kubernetes.io/kube-apiserver-client-kubelet; the others are stricter.
func Check(r Request, facts Facts) []Verdict {
	verdicts := []Verdict{
		{"readable", r.Problem == "", r.Problem},
		{"pending", r.IsPending(), strings.Join(r.Conditions, ",")},
		{"signer", r.SignerName == certificatesv1.KubeAPIServerClientKubeletSignerName, r.SignerName},
	}
	if r.PKCS10 == nil {
		return verdicts
	}
	self := NodeUserPrefix + r.NodeName()
	return append(verdicts,
		Verdict{"subject", isNodeSubject(r), r.PKCS10.Subject.String()},
		Verdict{"node name", ValidateNodeName(r.NodeName()) == nil, r.NodeName()},
		Verdict{"no alternative names", len(r.SANs()) == 0 && len(r.PKCS10.Extensions) == 0, strings.Join(r.SANs(), " ")},
		Verdict{"usages", isNodeUsages(r), strings.Join(r.Usages, ", ")},
		Verdict{"key", isStrong(r.PKCS10.PublicKey), KeyType(r.PKCS10.PublicKey)},
		Verdict{"requester", isBootstrapper(r) || r.Username == self, r.Username},
		Verdict{"new node", !facts.NodeExists || r.Username == self, existence(facts)},
	)
}

// Refusals returns the verdicts that are not OK.
func Refusals(verdicts []Verdict) []Verdict {
	return slices.DeleteFunc(slices.Clone(verdicts), func(v Verdict) bool { return v.OK })
}

// isNodeSubject wants one CN, one O and nothing else: of two CNs the last would
// win in the certificate, while tools show both.
func isNodeSubject(r Request) bool {
	subject := r.PKCS10.Subject
	return strings.HasPrefix(subject.CommonName, NodeUserPrefix) &&
		slices.Equal(subject.Organization, []string{NodesGroup}) && len(subject.Names) == 2
}

func isNodeUsages(r Request) bool {
	allowed := []string{string(certificatesv1.UsageDigitalSignature), string(certificatesv1.UsageClientAuth)}
	usages := slices.Sorted(slices.Values(r.Usages))
	withKeyEncipherment := append(allowed, string(certificatesv1.UsageKeyEncipherment))
	slices.Sort(allowed)
	slices.Sort(withKeyEncipherment)
	return slices.Equal(usages, allowed) || slices.Equal(usages, withKeyEncipherment)
}

// isBootstrapper says whether a bootstrap token sent the request.
func isBootstrapper(r Request) bool {
	return strings.HasPrefix(r.Username, api.BootstrapUserPrefix) && slices.Contains(r.Groups, api.BootstrapDefaultGroup)
}

func existence(facts Facts) string {
	if facts.NodeExists {
		return "a Node of this name exists"
	}
	return "no Node of this name exists"
}

// OutsideRulesError says which rules a request breaks.
type OutsideRulesError struct {
	Name     string
	Verdicts []Verdict
}

func (e *OutsideRulesError) Error() string {
	var parts []string
	for _, v := range e.Verdicts {
		parts = append(parts, fmt.Sprintf("%s (%s)", v.Rule, v.Detail))
	}
	return fmt.Sprintf("request %s is not what a kubelet may ask for: %s", e.Name, strings.Join(parts, "; "))
}

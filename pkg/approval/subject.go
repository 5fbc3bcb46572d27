package approval

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/pkg/csr"
)

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

package approval

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/pkg/csr"
)

// privilege describes the privilege that the certificate would have: a name in any attribute
// of its subject that is reserved for Kubernetes or its administrators, or an
// admin-equivalent permission of its identity. It is empty if there is none. A node's
// subject is not a privilege if the signer is for nodes.
func privilege(r csr.Request, facts Facts) string {
	ofNode := r.SignerName == csr.KubeletClient || r.SignerName == csr.KubeletServing
	for _, attribute := range r.PKCS10.Subject.Names {
		value, isText := attribute.Value.(string)
		isNode := ofNode && (isType(attribute, organization) && value == csr.NodesGroup ||
			isType(attribute, commonName) && strings.HasPrefix(value, csr.NodeUserPrefix))
		if isText && !isNode && (strings.HasPrefix(value, "system:") || value == "kubeadm:cluster-admins") {
			return value + " is reserved for Kubernetes or its administrators"
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

// isNodeSubject reports whether the subject is one CN and one O, each in its own set: of two
// CNs the last would count in the certificate, although tools show both.
func isNodeSubject(r csr.Request) bool {
	subject := r.PKCS10.Subject
	return oneCommonName(r) && strings.HasPrefix(subject.CommonName, csr.NodeUserPrefix) &&
		slices.Equal(subject.Organization, []string{csr.NodesGroup})
}

// oneCommonName reports whether the subject is one CN, not empty and in its own set, any
// number of O, and nothing else.
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

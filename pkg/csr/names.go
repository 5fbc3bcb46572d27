package csr

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// NodeName returns the name of the node that the CSR is for; empty if its common name is not
// a node's.
func (r Request) NodeName() string {
	if r.PKCS10 == nil || !strings.HasPrefix(r.PKCS10.Subject.CommonName, NodeUserPrefix) {
		return ""
	}
	return strings.TrimPrefix(r.PKCS10.Subject.CommonName, NodeUserPrefix)
}

// Subject returns the complete subject, including attributes that a certificate would not
// have.
func (r Request) Subject() string {
	var subject pkix.RDNSequence
	if r.PKCS10 != nil {
		_, _ = asn1.Unmarshal(r.PKCS10.RawSubject, &subject) // it was parsed when the CSR was decoded
	}
	return subject.String()
}

// SANs returns the subject alternative names, each with its kind.
func (r Request) SANs() []string {
	if r.PKCS10 == nil {
		return nil
	}
	return sanTexts(r.PKCS10.DNSNames, r.PKCS10.IPAddresses, r.PKCS10.EmailAddresses, r.PKCS10.URIs)
}

func sanTexts(hosts []string, ips []net.IP, emails []string, uris []*url.URL) []string {
	return slices.Concat(ofKind("DNS", hosts), ofKind("IP", ips), ofKind("email", emails), ofKind("URI", uris))
}

// ofKind returns each name with its kind.
func ofKind[T any](kind string, names []T) (texts []string) {
	for _, name := range names {
		texts = append(texts, fmt.Sprintf("%s:%v", kind, name))
	}
	return texts
}

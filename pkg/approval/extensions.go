package approval

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/pkg/csr"
)

// Kinds of a subject alternative name: RFC 5280, section 4.2.1.6.
const (
	sanEmail = 1
	sanDNS   = 2
	sanURI   = 6
	sanIP    = 7
)

// hasNoExtensions reports whether the CSR requests no extensions, except the identifier of
// its key, which some tools add and which means nothing.
func hasNoExtensions(r csr.Request) bool { return onlyExtensions(r, subjectKeyID) }

// onlyNames reports whether the only extension is subject alternative names, which are DNS
// names and IP addresses.
func onlyNames(r csr.Request) bool {
	return onlyExtensions(r, subjectKeyID, alternativeNames) && len(r.PKCS10.EmailAddresses)+len(r.PKCS10.URIs) == 0
}

// onlyExtensions reports whether all extensions have one of these types. An extension that
// crypto/x509 does not find is not well-formed.
func onlyExtensions(r csr.Request, allowed ...asn1.ObjectIdentifier) bool {
	return !slices.ContainsFunc(r.PKCS10.Extensions, func(e pkix.Extension) bool { return !slices.ContainsFunc(allowed, e.Id.Equal) })
}

// unknownSANs returns the names that are not among the Node's addresses: IP addresses are
// compared by value, and DNS names as text.
func unknownSANs(r csr.Request, facts Facts) []string {
	return slices.DeleteFunc(r.SANs(), func(san string) bool {
		kind, name, _ := strings.Cut(san, ":")
		switch kind {
		case "DNS":
			return parseAddress(name) == nil && slices.Contains(facts.NodeAddresses, name)
		case "IP":
			return slices.ContainsFunc(facts.NodeAddresses, func(address string) bool {
				ip := parseAddress(address)
				return ip != nil && ip.Equal(net.ParseIP(name))
			})
		}
		return false
	})
}

var leadingZeros = regexp.MustCompile(`\b0+([0-9a-fA-F])`)

// parseAddress parses an IP address of a Node as the kubelet does, with leading zeros in
// its numbers, which the net package rejects. It returns nil if the text is not an address.
func parseAddress(address string) net.IP {
	return net.ParseIP(leadingZeros.ReplaceAllString(address, "$1"))
}

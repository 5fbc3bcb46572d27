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

// Object identifiers: RFC 2985, section 5.4.2, and RFC 5280, section 4.2.1.6.
var (
	extensionRequest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
	alternativeNames = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// Kinds of a subject alternative name: RFC 5280, section 4.2.1.6.
const (
	sanDNS = 2
	sanIP  = 7
)

// attribute is an attribute of a PKCS#10 request: RFC 2986, section 4.1.
type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

// attributes returns all attributes of the CSR: crypto/x509 shows only the first value of
// one kind, so other values could contain hidden names.
func attributes(r csr.Request) ([]attribute, error) {
	var info struct {
		Version    int
		Subject    asn1.RawValue
		Key        asn1.RawValue
		Attributes []attribute `asn1:"optional,omitempty,tag:0,set"`
	}
	_, err := asn1.Unmarshal(r.PKCS10.RawTBSCertificateRequest, &info)
	return info.Attributes, err
}

// hasNoExtensions reports whether the CSR has no attributes and no extensions.
func hasNoExtensions(r csr.Request) bool {
	found, err := attributes(r)
	return err == nil && len(found) == 0 && len(r.PKCS10.Extensions) == 0
}

// onlyNames reports whether the only extension is subject alternative names, which are DNS
// names and IP addresses.
func onlyNames(r csr.Request) bool {
	found, err := attributes(r)
	if err != nil || len(found) != 1 || !found[0].Type.Equal(extensionRequest) || len(found[0].Values) != 1 {
		return false
	}
	isNames := func(e pkix.Extension) bool { return e.Id.Equal(alternativeNames) }
	if len(r.PKCS10.Extensions) != 1 || !isNames(r.PKCS10.Extensions[0]) {
		return false
	}
	var names []asn1.RawValue
	if _, err := asn1.Unmarshal(r.PKCS10.Extensions[0].Value, &names); err != nil {
		return false
	}
	return !slices.ContainsFunc(names, func(name asn1.RawValue) bool {
		return name.Class != asn1.ClassContextSpecific || name.Tag != sanDNS && name.Tag != sanIP
	})
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

package compat

import (
	"crypto/x509"
	"net"
	"slices"
	"testing"

	netutils "k8s.io/utils/net"

	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// FuzzNodeAddresses checks that a Node's address is read as the same IP address as by
// the kubelet, which requests a certificate for it.
func FuzzNodeAddresses(f *testing.F) {
	for _, address := range []string{
		"192.0.2.1", "0.0.0.0", "010.000.0.08", "192.0.2.256", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", "+1.2.3.4", "1.2.3.0x4", "00", "",
		"2001:db8::4", "2001:DB8:0:0::4", "2001:0db8::0004", "2001:00db8::", "::", "::ffff:192.0.2.1", "::ffff:192.000.02.01", "0:0:0:0:0:0:0:0", "0::00000", "fe80::1%eth0",
		"0a.1.2.3", "1::0000g", "node-01", "api.example.com", "[::1]", "1.2.3.4/8",
	} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		ip := netutils.ParseIPSloppy(address)
		if want := ip != nil; isOfNode(net.IPv4bcast, address) != (want && ip.Equal(net.IPv4bcast)) || want && !isOfNode(ip, address) {
			t.Errorf("%q is not read as %v", address, ip)
		}
	})
}

// isOfNode reports whether a serving certificate for the IP address passes the rule
// that it is one of the node's addresses.
func isOfNode(ip net.IP, address string) bool {
	request := csr.Request{SignerName: csr.KubeletServing, PKCS10: &x509.CertificateRequest{IPAddresses: []net.IP{ip}}}
	results := approval.Check(request, approval.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{address}})
	return slices.ContainsFunc(results, func(v approval.RuleResult) bool { return v.Rule == "addresses of the node" && v.Passed })
}

package csrhostile

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math"
	"net"
	"net/url"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// hostileCSR differs from the CSR that a kubelet with a bootstrap token sends.
type hostileCSR struct {
	title string
	// rule is a rule that the CSR violates by default.
	rule string
	// signerRule is a rule that the CSR violates with its own signer; empty means
	// that it passes that signer's rules.
	signerRule string
	// exists means that the Node exists, with its name as the host name and the address
	// 192.0.2.1, or with these hosts.
	exists  bool
	hosts   []string
	changes []labtest.CSRChange
	// refusedByServer means that the API server does not store the CSR.
	refusedByServer bool
}

// breaksRule returns a CSR for a kubelet's client certificate that breaks the rule.
func breaksRule(rule, title string, changes ...labtest.CSRChange) hostileCSR {
	return hostileCSR{title: title, rule: rule, signerRule: rule, changes: changes}
}

// refusedByServer returns a CSR that the API server does not store.
func refusedByServer(title string, changes ...labtest.CSRChange) hostileCSR {
	return hostileCSR{title: title, changes: changes, refusedByServer: true}
}

func hostileSubjects() []hostileCSR {
	cn, o := subjectAttribute(3, "system:node:victim"), subjectAttribute(10, "system:nodes")
	unknown := pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: "x"}
	rows := []hostileCSR{
		breaksRule("subject", "innocent common name before", withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, "innocent")), multiValueRDN(cn))),
		breaksRule("subject", "innocent common name after", withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN(subjectAttribute(3, "innocent")))),
		breaksRule("subject", "another node before", withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, "system:node:mine")), multiValueRDN(cn))),
		breaksRule("subject", "common names joined", withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, "system:node:mine"), cn))),
		breaksRule("subject", "attributes joined", withSubject(multiValueRDN(o, cn))),
		breaksRule("subject", "number joined to the common name", withSubject(multiValueRDN(o), multiValueRDN(cn, subjectAttribute(5, "1")))),
		breaksRule("subject", "empty part", withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN())),
		breaksRule("subject", "unit", withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(11, "u")), multiValueRDN(cn))),
		breaksRule("subject", "serial number", withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN(subjectAttribute(5, "1")))),
		breaksRule("subject", "country", withSubject(multiValueRDN(subjectAttribute(6, "US")), multiValueRDN(o), multiValueRDN(cn))),
		breaksRule("subject", "unknown attribute", withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN(unknown))),
		breaksRule("subject", "number after the common name", withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN(subjectAttribute(3, 7)))),
		breaksRule("subject", "number as common name", withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, 7)))),
		breaksRule("subject", "no common name", withCommonName("")),
		breaksRule("subject", "a person as a node", withCommonName("alice")),
		breaksRule("subject", "prefix in upper case", withCommonName("SYSTEM:NODE:victim")),
		breaksRule("not privileged", "prefix of nodes", withCommonName("system:nodes:victim")),
		breaksRule("not privileged", "a controller as a node", withCommonName("system:kube-controller-manager")),
		breaksRule("subject", "no organization", withOrganizations()),
		breaksRule("not privileged", "masters", withOrganizations("system:masters")),
		breaksRule("not privileged", "nodes and masters", withOrganizations("system:nodes", "system:masters")),
		breaksRule("not privileged", "masters joined to nodes", withSubject(multiValueRDN(subjectAttribute(10, "system:masters"), o), multiValueRDN(cn))),
		breaksRule("not privileged", "kubeadm's administrators", withOrganizations("system:nodes", "kubeadm:cluster-admins")),
		breaksRule("subject", "organization twice", withOrganizations("system:nodes", "system:nodes")),
		breaksRule("subject", "organization in upper case", withOrganizations("System:Nodes")),
	}
	for title, name := range map[string]string{
		"empty": "", "space": "a b", "upper case": "Victim", "escape": "v\x1b[2K\rinnocent", "right to left": "v\u202eniatnoc",
		"zero width": "vic\u200btim", "NUL": "victim\x00", "line end": "victim\n", "tab": "vic\ttim", "slash": "a/b", "dots": "..",
		"dash first": "-v", "dash last": "v-", "dot last": "victim.", "two dots": "a..b", "underscore": "a_b", "Cyrillic": "v\u0456ctim",
		"comma": "v,O=system:masters", "node twice": "system:node:victim", "254": strings.Repeat("a", 254), "5000": strings.Repeat("a", 5000),
	} {
		rows = append(rows, breaksRule("node name", "node name with "+title, withCommonName("system:node:"+name)))
	}
	return append(rows, breaksRule("node name", "node name in Teletex", withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, teletexString("system:node:caf\xe9"))))))
}

// oidExtensionRequest and oidMicrosoftExtensions are the types of attributes with
// extensions; only Windows reads the second.
func oidExtensionRequest() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
}
func oidMicrosoftExtensions() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 14}
}

func hostileExtensions() []hostileCSR {
	raw := func(tag int, bytes ...byte) labtest.CSRChange { return withSANs(asn1.RawValue{Tag: tag, Bytes: bytes}) }
	directory := asn1.RawValue{Tag: 4, IsCompound: true, Bytes: []byte{48, 0}}
	twice := func(a ...labtest.CSRChange) []labtest.CSRChange { return append(a, a...) }
	return []hostileCSR{
		breaksRule("no extensions", "DNS name", editTemplate(func(r *x509.CertificateRequest) { r.DNSNames = []string{"kubernetes"} })),
		breaksRule("no extensions", "address", editTemplate(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv6loopback} })),
		breaksRule("no extensions", "email address", editTemplate(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@example.com"} })),
		breaksRule("no extensions", "URI", editTemplate(func(r *x509.CertificateRequest) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}} })),
		breaksRule("no extensions", "registered ID", raw(8, 42, 3)),
		breaksRule("no extensions", "other name", withSANs(asn1.RawValue{Tag: 0, IsCompound: true, Bytes: []byte{6, 2, 42, 3, 160, 2, 5, 0}})),
		breaksRule("no extensions", "directory name", withSANs(directory)),
		breaksRule("no extensions", "no names in the extension", withSANs()),
		breaksRule("no extensions", "CA", withExtension(true, []byte{48, 3, 1, 1, 255}, 2, 5, 29, 19)),
		breaksRule("no extensions", "key usage cert sign", withExtension(true, []byte{3, 2, 2, 4}, 2, 5, 29, 15)),
		breaksRule("no extensions", "extended key usage any", withExtension(false, []byte{48, 6, 6, 4, 85, 29, 37, 0}, 2, 5, 29, 37)),
		breaksRule("no extensions", "unknown critical extension", withExtension(true, []byte{5, 0}, 1, 2, 3, 4)),
		breaksRule("no extensions", "unknown extension", withExtension(false, []byte{5, 0}, 1, 2, 3, 4)),
		breaksRule("well-formed", "names hidden in Microsoft's attribute", withHiddenSAN(oidMicrosoftExtensions())),
		breaksRule("well-formed", "names hidden behind other extensions", withHiddenSAN(oidExtensionRequest(), "victim")),
		breaksRule("well-formed", "names hidden behind none", withHiddenSAN(oidExtensionRequest(), "")),
		refusedByServer("names twice", twice(raw(2, 'a'))...),
	}
}

func hostileUsages() []hostileCSR {
	const digital, client = certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth
	rows := []hostileCSR{
		breaksRule("usages", "only client auth", labtest.WithUsages(client)),
		breaksRule("usages", "only digital signature", labtest.WithUsages(digital)),
		breaksRule("usages", "server auth instead", labtest.WithUsages(digital, certificatesv1.UsageServerAuth)),
		refusedByServer("no usages", labtest.WithUsages()),
		refusedByServer("unknown usage", labtest.WithUsages(digital, client, "everything")),
		refusedByServer("usage twice", labtest.WithUsages(digital, client, client)),
	}
	for _, extra := range []certificatesv1.KeyUsage{
		certificatesv1.UsageCertSign, certificatesv1.UsageCRLSign, certificatesv1.UsageAny, certificatesv1.UsageServerAuth,
		certificatesv1.UsageSigning, certificatesv1.UsageCodeSigning, certificatesv1.UsageKeyAgreement, certificatesv1.UsageOCSPSigning,
	} {
		rows = append(rows, breaksRule("usages", "additional "+string(extra), labtest.WithUsages(digital, client, extra)))
	}
	return rows
}

func hostileKeysAndTexts() []hostileCSR {
	broken := "-----BEGIN CERTIFICATE REQUEST-----\n*\n-----END CERTIFICATE REQUEST-----\n"
	other := func(kind string) func([]byte) []byte {
		return func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("CERTIFICATE REQUEST"), []byte(kind)) }
	}
	return []hostileCSR{
		breaksRule("key", "RSA 1024", signedWith(newRSAKey(1024))),
		breaksRule("key", "RSA 1536", signedWith(newRSAKey(1536))),
		breaksRule("key", "RSA with exponent 3", signedWith(newRSAKeyWithExponent3)),
		breaksRule("key", "P-224", signedWith(newECKey(elliptic.P224()))),
		breaksRule("readable", "leading garbage", editPEM(prependText("innocent\n"))),
		breaksRule("readable", "a broken block before", editPEM(prependText(broken))),
		breaksRule("readable", "headers", editPEM(addPEMHeader)),
		breaksRule("readable", "two blocks", editPEM(func(b []byte) []byte { return append(b, b...) })),
		breaksRule("readable", "another block after", editPEM(func(b []byte) []byte { return append(b, other("CERTIFICATE")(bytes.Clone(b))...) })),
		breaksRule("readable", "garbage after", editPEM(func(b []byte) []byte { return append(b, "\x1b[2J"...) })),
		refusedByServer("another block before", editPEM(func(b []byte) []byte { return append(other("CERTIFICATE")(bytes.Clone(b)), b...) })),
		refusedByServer("block of another type", editPEM(other("NEW CERTIFICATE REQUEST"))),
		refusedByServer("no block", editPEM(func([]byte) []byte { return []byte("innocent") })),
		refusedByServer("DER", editPEM(func(b []byte) []byte { block, _ := pem.Decode(b); return block.Bytes })),
		refusedByServer("garbage in the block", editPEM(func(b []byte) []byte {
			block, _ := pem.Decode(b)
			block.Bytes = append(block.Bytes, 5, 0)
			return pem.EncodeToMemory(block)
		})),
		refusedByServer("another's signature", editPEM(func(b []byte) []byte {
			block, _ := pem.Decode(b)
			block.Bytes[len(block.Bytes)-1] ^= 1
			return pem.EncodeToMemory(block)
		})),
		breaksRule("lifetime", "68 years", withExpiration(math.MaxInt32)),
		breaksRule("lifetime", "a year and a second", withExpiration(365*24*3600+1)),
		refusedByServer("under ten minutes", withExpiration(599)),
	}
}

func hostileRequesters() []hostileCSR {
	token := "system:bootstrappers:kubeadm:default-node-token"
	return []hostileCSR{
		breaksRule("requester", "a person", labtest.SentBy("alice")),
		breaksRule("requester", "an administrator", labtest.SentBy("kubernetes-admin", "system:masters")),
		breaksRule("requester", "a person in the token groups", labtest.SentBy("alice", "system:bootstrappers", token)),
		breaksRule("requester", "a service account", labtest.SentBy("system:serviceaccount:kube-system:default", "system:serviceaccounts")),
		breaksRule("requester", "only the name of a token", labtest.SentBy("system:bootstrap:abcdef")),
		breaksRule("requester", "token in the wrong group", labtest.SentBy("system:bootstrap:abcdef", token)),
		breaksRule("requester", "almost the name of a token", labtest.SentBy("system:bootstrapper:abcdef", "system:bootstrappers", token)),
		breaksRule("requester", "a controller", labtest.SentBy("system:kube-controller-manager")),
		breaksRule("requester", "another node without its group", labtest.SentBy("system:node:other")),
		refusedByServer("another node", labtest.SentByNode("other")),
		{title: "name of an existing node", rule: "new node", signerRule: "new node", exists: true},
	}
}

func hostileSigners() []hostileCSR {
	const client = certificatesv1.UsageClientAuth
	privileged := func(title, signer string, changes ...labtest.CSRChange) hostileCSR {
		return hostileCSR{title: title, rule: "signer", signerRule: "not privileged", changes: append([]labtest.CSRChange{labtest.WithSigner(signer), labtest.WithUsages(client)}, changes...)}
	}
	return []hostileCSR{
		privileged("administrators", csr.APIServerClient, withCommonName("mallory"), withOrganizations("kubeadm:cluster-admins")),
		privileged("administrators last", csr.APIServerClient, withCommonName("mallory"), withOrganizations("dev", "kubeadm:cluster-admins")),
		privileged("controller manager", csr.APIServerClient, withCommonName("system:kube-controller-manager"), withOrganizations()),
		privileged("scheduler", csr.APIServerClient, withCommonName("system:kube-scheduler"), withOrganizations()),
		privileged("service account", csr.APIServerClient, withCommonName("system:serviceaccount:kube-system:node-controller"), withOrganizations()),
		privileged("aggregator's monitor", csr.APIServerClient, withCommonName("mallory"), withOrganizations("system:monitoring")),
		privileged("node with the general signer", csr.APIServerClient),
		privileged("innocent before a controller", csr.APIServerClient, withSubject(multiValueRDN(subjectAttribute(3, "mallory")), multiValueRDN(subjectAttribute(3, "system:kube-controller-manager")))),
		privileged("user bound to cluster-admin", csr.APIServerClient, withCommonName("owner"), withOrganizations()),
		privileged("group bound to cluster-admin", csr.APIServerClient, withCommonName("mallory"), withOrganizations("owners")),
		privileged("masters with another signer", "example.com/x", withCommonName("mallory"), withOrganizations("system:masters")),
		privileged("node with another signer", "example.com/x"),
		privileged("masters with an unknown signer", "kubernetes.io/x", withOrganizations("system:masters")),
		refusedByServer("masters with the general signer", labtest.WithSigner(csr.APIServerClient), withOrganizations("system:masters")),
		refusedByServer("legacy signer", labtest.WithSigner("kubernetes.io/legacy-unknown")),
		{title: "person with the general signer", rule: "signer", changes: []labtest.CSRChange{labtest.SentBy("alice"), labtest.WithSigner(csr.APIServerClient), labtest.WithUsages(client), withCommonName("mallory"), withOrganizations()}},
		{title: "person with another signer", rule: "signer", changes: []labtest.CSRChange{labtest.WithSigner("example.com/x"), withCommonName("mallory"), withOrganizations()}},
	}
}

// hostileServingCSRs returns CSRs for serving certificates. Unless the row changes it,
// the requester is the node itself.
func hostileServingCSRs() []hostileCSR {
	const digital, server = certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth
	serving := func(rule, title string, changes ...labtest.CSRChange) hostileCSR {
		base := []labtest.CSRChange{labtest.WithSigner(csr.KubeletServing), labtest.WithUsages(digital, server), labtest.SentByNode("victim"), editTemplate(func(r *x509.CertificateRequest) {
			r.DNSNames = []string{"victim"}
		})}
		return hostileCSR{title: "serving, " + title, rule: "signer", signerRule: rule, exists: true, changes: append(base, changes...)}
	}
	host := func(names ...string) labtest.CSRChange {
		return editTemplate(func(r *x509.CertificateRequest) { r.DNSNames = names })
	}
	unknown := serving("known node", "a missing node")
	unknown.exists = false
	return []hostileCSR{
		serving("requester", "a token", labtest.SentBy("system:bootstrap:abcdef", "system:bootstrappers")),
		serving("requester", "another node without its group", labtest.SentBy("system:node:other")),
		serving("addresses of the node", "another host", host("kubernetes.default.svc")),
		serving("addresses of the node", "an additional host", host("victim", "kubernetes")),
		serving("addresses of the node", "host with the same beginning", host("victim.evil.example")),
		serving("addresses of the node", "any host", host("*.example.com")),
		serving("addresses of the node", "another address", editTemplate(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 2)} })),
		serving("addresses of the node", "no names", host()),
		serving("no other extensions", "email address", editTemplate(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@example.com"} })),
		serving("no other extensions", "URI", editTemplate(func(r *x509.CertificateRequest) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}} })),
		serving("well-formed", "registered ID", host(), withSANs(asn1.RawValue{Tag: 2, Bytes: []byte("victim")}, asn1.RawValue{Tag: 8, Bytes: []byte{42, 3}})),
		serving("no other extensions", "CA", withExtension(true, []byte{48, 3, 1, 1, 255}, 2, 5, 29, 19)),
		serving("usages", "additional client auth", labtest.WithUsages(digital, server, certificatesv1.UsageClientAuth)),
		serving("usages", "client auth instead", labtest.WithUsages(digital, certificatesv1.UsageClientAuth)),
		serving("key", "RSA 1024", signedWith(newRSAKey(1024))),
		serving("not privileged", "masters", withOrganizations("system:nodes", "system:masters")),
		serving("node name", "empty name", withCommonName("system:node:"), labtest.SentBy("system:node:")),
		serving("well-formed", "names hidden behind the right ones", withHiddenSAN(oidExtensionRequest(), "victim")),
		unknown,
	}
}

package e2e

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

	"github.com/bootctl/bootctl/pkg/csr"
)

// hostileRequest differs from what a kubelet with a bootstrap token asks for.
type hostileRequest struct {
	title string
	// rule is one that refuses the request by default.
	rule string
	// signerRule is one that refuses it when its own signer is named; empty means
	// that its rules let it pass.
	signerRule string
	// exists says that there is a Node of the name, with the addresses 192.0.2.1
	// and, where victim stands for the name, victim.example.com.
	exists  bool
	changes []change
	// refusedByServer says that the API server does not even store the request.
	refusedByServer bool
}

// not is a request for a kubelet's client certificate that breaks the rule.
func not(rule, title string, changes ...change) hostileRequest {
	return hostileRequest{title: title, rule: rule, signerRule: rule, changes: changes}
}

func unstored(title string, changes ...change) hostileRequest {
	return hostileRequest{title: title, changes: changes, refusedByServer: true}
}

func hostileSubjects() []hostileRequest {
	cn, o := attribute(3, "system:node:victim"), attribute(10, "system:nodes")
	unknown := pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: "x"}
	rows := []hostileRequest{
		not("subject", "innocent common name before", subject(set(o), set(attribute(3, "innocent")), set(cn))),
		not("subject", "innocent common name after", subject(set(o), set(cn), set(attribute(3, "innocent")))),
		not("subject", "another node before", subject(set(o), set(attribute(3, "system:node:mine")), set(cn))),
		not("subject", "common names joined", subject(set(o), set(attribute(3, "system:node:mine"), cn))),
		not("subject", "attributes joined", subject(set(o, cn))),
		not("subject", "number joined to the common name", subject(set(o), set(cn, attribute(5, "1")))),
		not("subject", "empty part", subject(set(o), set(cn), set())),
		not("subject", "unit", subject(set(o), set(attribute(11, "u")), set(cn))),
		not("subject", "serial number", subject(set(o), set(cn), set(attribute(5, "1")))),
		not("subject", "country", subject(set(attribute(6, "US")), set(o), set(cn))),
		not("subject", "unknown attribute", subject(set(o), set(cn), set(unknown))),
		not("subject", "number after the common name", subject(set(o), set(cn), set(attribute(3, 7)))),
		not("subject", "number as common name", subject(set(o), set(attribute(3, 7)))),
		not("subject", "no common name", commonName("")),
		not("subject", "a person as a node", commonName("alice")),
		not("subject", "prefix in upper case", commonName("SYSTEM:NODE:victim")),
		not("not privileged", "prefix of nodes", commonName("system:nodes:victim")),
		not("not privileged", "a controller as a node", commonName("system:kube-controller-manager")),
		not("subject", "no organization", organization()),
		not("not privileged", "masters", organization("system:masters")),
		not("not privileged", "nodes and masters", organization("system:nodes", "system:masters")),
		not("not privileged", "masters joined to nodes", subject(set(attribute(10, "system:masters"), o), set(cn))),
		not("not privileged", "kubeadm's administrators", organization("system:nodes", "kubeadm:cluster-admins")),
		not("subject", "organization twice", organization("system:nodes", "system:nodes")),
		not("subject", "organization in upper case", organization("System:Nodes")),
	}
	for title, name := range map[string]string{
		"empty": "", "space": "a b", "upper case": "Victim", "escape": "v\x1b[2K\rinnocent", "right to left": "v\u202eniatnoc",
		"zero width": "vic\u200btim", "NUL": "victim\x00", "line end": "victim\n", "tab": "vic\ttim", "slash": "a/b", "dots": "..",
		"dash first": "-v", "dash last": "v-", "dot last": "victim.", "two dots": "a..b", "underscore": "a_b", "Cyrillic": "v\u0456ctim",
		"comma": "v,O=system:masters", "node twice": "system:node:victim", "254": strings.Repeat("a", 254), "5000": strings.Repeat("a", 5000),
	} {
		rows = append(rows, not("node name", "node name with "+title, commonName("system:node:"+name)))
	}
	return append(rows, not("node name", "node name in Teletex", subject(set(o), set(attribute(3, teletex("system:node:caf\xe9"))))))
}

// requested and microsoft are the types of the attributes that hold extensions:
// the second is read by Windows alone.
func requested() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14} }
func microsoft() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 14} }

func hostileExtensions() []hostileRequest {
	raw := func(tag int, bytes ...byte) change { return altName(asn1.RawValue{Tag: tag, Bytes: bytes}) }
	directory := asn1.RawValue{Tag: 4, IsCompound: true, Bytes: []byte{48, 0}}
	twice := func(a ...change) []change { return append(a, a...) }
	return []hostileRequest{
		not("no extensions", "DNS name", template(func(r *x509.CertificateRequest) { r.DNSNames = []string{"kubernetes"} })),
		not("no extensions", "address", template(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv6loopback} })),
		not("no extensions", "email address", template(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@example.com"} })),
		not("no extensions", "URI", template(func(r *x509.CertificateRequest) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}} })),
		not("no extensions", "registered ID", raw(8, 42, 3)),
		not("no extensions", "other name", altName(asn1.RawValue{Tag: 0, IsCompound: true, Bytes: []byte{6, 2, 42, 3, 160, 2, 5, 0}})),
		not("no extensions", "directory name", altName(directory)),
		not("no extensions", "no names in the extension", altName()),
		not("no extensions", "CA", extension(true, []byte{48, 3, 1, 1, 255}, 2, 5, 29, 19)),
		not("no extensions", "key usage cert sign", extension(true, []byte{3, 2, 2, 4}, 2, 5, 29, 15)),
		not("no extensions", "extended key usage any", extension(false, []byte{48, 6, 6, 4, 85, 29, 37, 0}, 2, 5, 29, 37)),
		not("no extensions", "unknown critical extension", extension(true, []byte{5, 0}, 1, 2, 3, 4)),
		not("no extensions", "unknown extension", extension(false, []byte{5, 0}, 1, 2, 3, 4)),
		not("no extensions", "names hidden in Microsoft's attribute", hidden(microsoft())),
		not("no extensions", "names hidden behind other extensions", hidden(requested(), "victim")),
		not("no extensions", "names hidden behind none", hidden(requested(), "")),
		unstored("names twice", twice(raw(2, 'a'))...),
	}
}

func hostileUsages() []hostileRequest {
	const digital, client = certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth
	rows := []hostileRequest{
		not("usages", "client auth alone", usages(client)),
		not("usages", "digital signature alone", usages(digital)),
		not("usages", "server auth instead", usages(digital, certificatesv1.UsageServerAuth)),
		unstored("no usages", usages()),
		unstored("unknown usage", usages(digital, client, "everything")),
		unstored("usage twice", usages(digital, client, client)),
	}
	for _, extra := range []certificatesv1.KeyUsage{
		certificatesv1.UsageCertSign, certificatesv1.UsageCRLSign, certificatesv1.UsageAny, certificatesv1.UsageServerAuth,
		certificatesv1.UsageSigning, certificatesv1.UsageCodeSigning, certificatesv1.UsageKeyAgreement, certificatesv1.UsageOCSPSigning,
	} {
		rows = append(rows, not("usages", string(extra)+" too", usages(digital, client, extra)))
	}
	return rows
}

func hostileKeysAndTexts() []hostileRequest {
	broken := "-----BEGIN CERTIFICATE REQUEST-----\n*\n-----END CERTIFICATE REQUEST-----\n"
	other := func(kind string) func([]byte) []byte {
		return func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("CERTIFICATE REQUEST"), []byte(kind)) }
	}
	return []hostileRequest{
		not("key", "RSA 1024", signedBy(rsaKey(1024))),
		not("key", "RSA 1536", signedBy(rsaKey(1536))),
		not("key", "RSA with exponent 3", signedBy(rsaKeyOfThree)),
		not("key", "P-224", signedBy(ecKey(elliptic.P224()))),
		not("readable", "leading garbage", text(before("innocent\n"))),
		not("readable", "a broken block before", text(before(broken))),
		not("readable", "headers", text(headers)),
		not("readable", "two blocks", text(func(b []byte) []byte { return append(b, b...) })),
		not("readable", "another block after", text(func(b []byte) []byte { return append(b, other("CERTIFICATE")(bytes.Clone(b))...) })),
		not("readable", "garbage after", text(func(b []byte) []byte { return append(b, "\x1b[2J"...) })),
		unstored("another block before", text(func(b []byte) []byte { return append(other("CERTIFICATE")(bytes.Clone(b)), b...) })),
		unstored("block of another type", text(other("NEW CERTIFICATE REQUEST"))),
		unstored("no block", text(func([]byte) []byte { return []byte("innocent") })),
		unstored("DER", text(func(b []byte) []byte { block, _ := pem.Decode(b); return block.Bytes })),
		unstored("garbage in the block", text(func(b []byte) []byte {
			block, _ := pem.Decode(b)
			block.Bytes = append(block.Bytes, 5, 0)
			return pem.EncodeToMemory(block)
		})),
		unstored("another's signature", text(func(b []byte) []byte {
			block, _ := pem.Decode(b)
			block.Bytes[len(block.Bytes)-1] ^= 1
			return pem.EncodeToMemory(block)
		})),
		not("lifetime", "68 years", expires(math.MaxInt32)),
		not("lifetime", "a year and a second", expires(365*24*3600+1)),
		unstored("under ten minutes", expires(599)),
	}
}

func hostileRequesters() []hostileRequest {
	token := "system:bootstrappers:kubeadm:default-node-token"
	return []hostileRequest{
		not("requester", "a person", by("alice")),
		not("requester", "an administrator", by("kubernetes-admin", "system:masters")),
		not("requester", "a person among the tokens", by("alice", "system:bootstrappers", token)),
		not("requester", "a service account", by("system:serviceaccount:kube-system:default", "system:serviceaccounts")),
		not("requester", "name of a token alone", by("system:bootstrap:abcdef")),
		not("requester", "token in the wrong group", by("system:bootstrap:abcdef", token)),
		not("requester", "almost the name of a token", by("system:bootstrapper:abcdef", "system:bootstrappers", token)),
		not("requester", "a controller", by("system:kube-controller-manager")),
		not("requester", "another node without its group", by("system:node:other")),
		unstored("another node", byNode("other")),
		{title: "name of an existing node", rule: "new node", signerRule: "new node", exists: true},
	}
}

func hostileSigners() []hostileRequest {
	const client = certificatesv1.UsageClientAuth
	privileged := func(title, signer string, changes ...change) hostileRequest {
		return hostileRequest{title: title, rule: "signer", signerRule: "not privileged", changes: append([]change{to(signer), usages(client)}, changes...)}
	}
	return []hostileRequest{
		privileged("administrators", csr.APIServerClient, commonName("mallory"), organization("kubeadm:cluster-admins")),
		privileged("administrators last", csr.APIServerClient, commonName("mallory"), organization("dev", "kubeadm:cluster-admins")),
		privileged("controller manager", csr.APIServerClient, commonName("system:kube-controller-manager"), organization()),
		privileged("scheduler", csr.APIServerClient, commonName("system:kube-scheduler"), organization()),
		privileged("service account", csr.APIServerClient, commonName("system:serviceaccount:kube-system:node-controller"), organization()),
		privileged("aggregator's monitor", csr.APIServerClient, commonName("mallory"), organization("system:monitoring")),
		privileged("node by the general signer", csr.APIServerClient),
		privileged("innocent before a controller", csr.APIServerClient, subject(set(attribute(3, "mallory")), set(attribute(3, "system:kube-controller-manager")))),
		privileged("user bound to cluster-admin", csr.APIServerClient, commonName("owner"), organization()),
		privileged("group bound to cluster-admin", csr.APIServerClient, commonName("mallory"), organization("owners")),
		privileged("masters of another signer", "example.com/x", commonName("mallory"), organization("system:masters")),
		privileged("node of another signer", "example.com/x"),
		privileged("masters of an unknown signer", "kubernetes.io/x", organization("system:masters")),
		unstored("masters by the general signer", to(csr.APIServerClient), organization("system:masters")),
		unstored("legacy signer", to("kubernetes.io/legacy-unknown")),
		{title: "person by the general signer", rule: "signer", changes: []change{to(csr.APIServerClient), usages(client), commonName("mallory"), organization()}},
		{title: "person by another signer", rule: "signer", changes: []change{to("example.com/x"), commonName("mallory"), organization()}},
	}
}

// hostileServings ask for serving certificates, the node itself if not said
// otherwise.
func hostileServings() []hostileRequest {
	const digital, server = certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth
	serving := func(rule, title string, changes ...change) hostileRequest {
		base := []change{to(csr.KubeletServing), usages(digital, server), byNode("victim"), template(func(r *x509.CertificateRequest) {
			r.DNSNames = []string{"victim.example.com"}
		})}
		return hostileRequest{title: "serving, " + title, rule: "signer", signerRule: rule, exists: true, changes: append(base, changes...)}
	}
	host := func(names ...string) change {
		return template(func(r *x509.CertificateRequest) { r.DNSNames = names })
	}
	unknown := serving("known node", "a node that is not there")
	unknown.exists = false
	return []hostileRequest{
		serving("requester", "a token", by("system:bootstrap:abcdef", "system:bootstrappers")),
		serving("requester", "another node without its group", by("system:node:other")),
		serving("addresses of the node", "another host", host("kubernetes.default.svc")),
		serving("addresses of the node", "another host too", host("victim.example.com", "kubernetes")),
		serving("addresses of the node", "host that begins alike", host("victim.example.com.evil.example")),
		serving("addresses of the node", "any host", host("*.example.com")),
		serving("addresses of the node", "another address", template(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 2)} })),
		serving("addresses of the node", "no names", host()),
		serving("no other extensions", "email address", template(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@example.com"} })),
		serving("no other extensions", "URI", template(func(r *x509.CertificateRequest) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}} })),
		serving("no other extensions", "registered ID", host(), altName(asn1.RawValue{Tag: 2, Bytes: []byte("victim.example.com")}, asn1.RawValue{Tag: 8, Bytes: []byte{42, 3}})),
		serving("no other extensions", "CA", extension(true, []byte{48, 3, 1, 1, 255}, 2, 5, 29, 19)),
		serving("usages", "client auth too", usages(digital, server, certificatesv1.UsageClientAuth)),
		serving("usages", "client auth instead", usages(digital, certificatesv1.UsageClientAuth)),
		serving("key", "RSA 1024", signedBy(rsaKey(1024))),
		serving("not privileged", "masters", organization("system:nodes", "system:masters")),
		serving("node name", "empty name", commonName("system:node:"), by("system:node:")),
		serving("no other extensions", "names hidden behind the right ones", hidden(requested(), "victim.example.com")),
		unknown,
	}
}

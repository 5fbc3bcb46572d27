package csrhostile

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// hostsOf returns what the Node with the name has in its status.
func (row hostileCSR) hostsOf(name string) []string {
	if len(row.hosts) == 0 {
		return []string{name, "192.0.2.1"}
	}
	var hosts []string
	for _, host := range row.hosts {
		hosts = append(hosts, strings.ReplaceAll(host, "victim", name))
	}
	return hosts
}

// hostileServingAddresses returns CSRs of nodes that wrote a foreign address into the
// status of their own Node.
func hostileServingAddresses() []hostileCSR {
	var rows []hostileCSR
	for _, r := range []struct{ host, rule string }{
		{"127.0.0.1", "no reserved address"},
		{"127.1.2.3", "no reserved address"},
		{"::1", "no reserved address"},
		{"0.0.0.0", "no reserved address"},
		{"::", "no reserved address"},
		{"255.255.255.255", "no reserved address"},
		{"169.254.169.254", "no reserved address"},
		{"fe80::1", "no reserved address"},
		{"224.0.0.1", "no reserved address"},
		{"ff02::1", "no reserved address"},
		{"10.96.0.1", "no reserved address"}, // the Service kubernetes of the lab
		{"localhost", "no reserved address"},
		{"api.localhost", "no reserved address"},
		{"kubernetes", "no reserved address"},
		{"kubernetes.default", "no reserved address"},
		{"kubernetes.default.svc", "no reserved address"},
		{"kubernetes.default.svc.cluster.local", "no reserved address"},
		{"webhook.prod.svc", "no reserved address"},
		{"*.example.com", "no reserved address"},
		{"vault.example.com", "host names"},
		{"victim.example.com", "host names"},
		{"192.0.2.1", "no shared address"}, // of other Nodes
	} {
		row := hostileCSR{title: "serving, own status with " + r.host, rule: "signer", signerRule: r.rule, exists: true, hosts: []string{"victim", r.host}}
		row.changes = []labtest.CSRChange{
			labtest.WithSigner(csr.KubeletServing), labtest.WithUsages("digital signature", "server auth"), labtest.SentByNode("victim"),
			editTemplate(func(t *x509.CertificateRequest) {
				if ip := net.ParseIP(r.host); ip != nil {
					t.IPAddresses = []net.IP{ip}
				} else {
					t.DNSNames = []string{"victim", r.host}
				}
			}),
		}
		rows = append(rows, row)
	}
	return rows
}

// hostileEncodings returns CSRs with parts that crypto/x509 does not show.
func hostileEncodings(t *testing.T) []hostileCSR {
	t.Helper()
	masters := []byte("system:masters")
	organization := func(tag, class int, isCompound bool) labtest.CSRChange {
		hidden := subjectAttribute(10, asn1.RawValue{Tag: tag, Class: class, IsCompound: isCompound, Bytes: masters})
		if isCompound {
			hidden = subjectAttribute(10, asn1.RawValue{Tag: tag, Class: class, IsCompound: true, Bytes: marshalASN1(t, string(masters))})
		}
		return withSubject(multiValueRDN(subjectAttribute(10, "system:nodes")), multiValueRDN(hidden), multiValueRDN(subjectAttribute(3, "system:node:victim")))
	}
	text := func(kind ...int) requestAttribute {
		return requestAttribute{kind, []asn1.RawValue{{FullBytes: marshalASN1(t, "x")}}}
	}
	extensions := func(list ...pkix.Extension) asn1.RawValue {
		return asn1.RawValue{FullBytes: marshalASN1(t, list)}
	}
	hiddenName := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: marshalSANs(t, asn1.RawValue{Tag: 2, Bytes: []byte("kubernetes")})}
	return []hostileCSR{
		breaksRule("well-formed", "masters as octets", organization(asn1.TagOctetString, asn1.ClassUniversal, false)),
		refusedByServer("masters as a bit string", organization(asn1.TagBitString, asn1.ClassUniversal, false)),
		breaksRule("well-formed", "masters in BMP", organization(asn1.TagBMPString, asn1.ClassUniversal, false)),
		breaksRule("well-formed", "masters in an unknown type", organization(29, asn1.ClassUniversal, false)),
		breaksRule("well-formed", "masters in a class of its own", organization(asn1.TagPrintableString, asn1.ClassContextSpecific, false)),
		breaksRule("well-formed", "masters as an application's type", organization(asn1.TagUTF8String, asn1.ClassApplication, false)),
		breaksRule("well-formed", "masters inside a sequence", organization(asn1.TagSequence, asn1.ClassUniversal, true)),
		breaksRule("well-formed", "masters inside a tag", organization(0, asn1.ClassContextSpecific, true)),
		breaksRule("well-formed", "challenge password", withAttributes(text(1, 2, 840, 113549, 1, 9, 7))),
		breaksRule("well-formed", "unstructured name", withAttributes(text(1, 2, 840, 113549, 1, 9, 2))),
		breaksRule("well-formed", "unknown attribute", withAttributes(text(1, 2, 3, 4))),
		breaksRule("well-formed", "extensions in the order of their names, twice", withAttributes(
			requestAttribute{oidExtensionRequest(), []asn1.RawValue{extensions(), extensions(hiddenName)}})),
		breaksRule("well-formed", "element after the attributes", withInfo(asn1.RawValue{FullBytes: marshalASN1(t, "system:masters")}, 0)),
		breaksRule("well-formed", "extensions of a certificate after the attributes", withInfo(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 3, IsCompound: true, Bytes: marshalASN1(t, []pkix.Extension{hiddenName})}, 0)),
		breaksRule("well-formed", "version 1", withInfo(asn1.RawValue{}, 1)),
		breaksRule("well-formed", "version 2", withInfo(asn1.RawValue{}, 2)),
	}
}

// withInfo sets the version, and adds an element after the attributes.
func withInfo(after asn1.RawValue, version int) labtest.CSRChange {
	return func(t *testing.T, a *labtest.CSR) {
		t.Helper()
		key := a.Key.(*ecdsa.PrivateKey) //nolint:forcetypeassert // NewCSR creates it
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		a.Template.Subject.CommonName = a.Expand(a.Template.Subject.CommonName)
		parts := slices.Concat(marshalASN1(t, version), marshalASN1(t, a.Template.Subject.ToRDNSequence()), public, []byte{0xa0, 0}, after.FullBytes)
		if after.FullBytes == nil && after.Bytes != nil {
			parts = append(parts, marshalASN1(t, after)...)
		}
		info := marshalASN1(t, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: parts})
		sum := sha256.Sum256(info)
		signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		a.DER = marshalASN1(t, signedRequest{
			Info: asn1.RawValue{FullBytes: info}, Algorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}},
			Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
		})
	}
}

// hostileUsers returns CSRs for user certificates from machines, and for users with
// permissions that lead to an administrator's.
func hostileUsers() []hostileCSR {
	user := func(rule, title, name string, changes ...labtest.CSRChange) hostileCSR {
		base := []labtest.CSRChange{labtest.WithSigner(csr.APIServerClient), labtest.WithUsages(certificatesv1.UsageClientAuth), withCommonName(name), withOrganizations()}
		return hostileCSR{title: "user, " + title, rule: "signer", signerRule: rule, changes: append(base, changes...)}
	}
	rows := []hostileCSR{
		user("requester", "by a bootstrap token", "mallory"),
		user("requester", "by a token without groups", "mallory", labtest.SentBy("system:bootstrap:abcdef")),
		user("requester", "by a member of a token's group", "mallory", labtest.SentBy("mallory", "system:bootstrappers:a")),
		user("requester", "by a node", "mallory", labtest.SentByNode("victim")),
		user("requester", "by a node without its group", "mallory", labtest.SentBy("system:node:victim")),
		user("requester", "by a member of the nodes", "mallory", labtest.SentBy("mallory", "system:nodes")),
	}
	for _, name := range slices.Sorted(maps.Keys(hostilePowers())) {
		rows = append(rows, user("not privileged", name, name, labtest.SentBy("alice")))
	}
	return rows
}

// hostilePowers returns users, and the permission in kube-system or the cluster that makes
// each an administrator.
func hostilePowers() map[string]rbacv1.PolicyRule {
	rule := func(group, resource string, verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
	}
	return map[string]rbacv1.PolicyRule{
		"runs-pods":              rule("", "pods", "create"),
		"changes-pods":           rule("", "pods", "patch"),
		"executes":               rule("", "pods/exec", "create"),
		"executes-by-get":        rule("", "pods/exec", "get"),
		"attaches":               rule("", "pods/attach", "create"),
		"debugs":                 rule("", "pods/ephemeralcontainers", "patch"),
		"deploys":                rule("apps", "deployments", "update"),
		"runs-on-all-nodes":      rule("apps", "daemonsets", "create"),
		"schedules":              rule("batch", "cronjobs", "create"),
		"mutates":                rule("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "create"),
		"validates":              rule("admissionregistration.k8s.io", "validatingwebhookconfigurations", "patch"),
		"aggregates":             rule("apiregistration.k8s.io", "apiservices", "create"),
		"mounts":                 rule("", "persistentvolumes", "create"),
		"labels-namespaces":      rule("", "namespaces", "patch"),
		"creates-tokens":         rule("", "secrets", "create"),
		"reads-kubelets":         rule("", "nodes/proxy", "get"),
		"issues":                 rule("certificates.k8s.io", "certificatesigningrequests/status", "update"),
		"configures-the-cluster": rule("", "configmaps", "update"),
	}
}

// grantPower grants the permission to the user, in kube-system where the object has a
// namespace.
func grantPower(t *testing.T, p labtest.Admin, user string, rule rbacv1.PolicyRule) {
	t.Helper()
	rbac := p.ClientAs(t, "").RbacV1()
	meta := metav1.ObjectMeta{Name: "hostile-" + user, Namespace: metav1.NamespaceSystem}
	subjects := []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}}
	var errs [2]error
	if slices.Contains([]string{"", "apps", "batch"}, rule.APIGroups[0]) && !slices.Contains([]string{"persistentvolumes", "namespaces", "nodes/proxy"}, rule.Resources[0]) {
		_, errs[0] = rbac.Roles(meta.Namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{rule}}, metav1.CreateOptions{})
		_, errs[1] = rbac.RoleBindings(meta.Namespace).Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		}, metav1.CreateOptions{})
	} else {
		meta.Namespace = ""
		_, errs[0] = rbac.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{rule}}, metav1.CreateOptions{})
		_, errs[1] = rbac.ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		}, metav1.CreateOptions{})
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

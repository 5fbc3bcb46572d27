package csrhostile

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math"
	"net"
	"net/url"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// predictedCSR is a CSR with the name of its test case.
type predictedCSR struct {
	name    string
	changes []labtest.CSRChange
}

// clientCSRs returns CSRs for the signer of kubelet client certificates.
func clientCSRs() []predictedCSR {
	const digital, client = certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth
	cn, o := subjectAttribute(3, "system:node:p"), subjectAttribute(10, "system:nodes")
	return []predictedCSR{
		{"plain", nil},
		{"key encipherment", []labtest.CSRChange{labtest.WithUsages(digital, client, certificatesv1.UsageKeyEncipherment)}},
		{"usages in another order", []labtest.CSRChange{labtest.WithUsages(client, digital)}},
		{"only client auth", []labtest.CSRChange{labtest.WithUsages(client)}},
		{"only digital signature", []labtest.CSRChange{labtest.WithUsages(digital)}},
		{"additional server auth", []labtest.CSRChange{labtest.WithUsages(digital, client, certificatesv1.UsageServerAuth)}},
		{"any", []labtest.CSRChange{labtest.WithUsages(digital, client, certificatesv1.UsageAny)}},
		{"RSA 1024", []labtest.CSRChange{signedWith(newRSAKey(1024))}},
		{"RSA 3072", []labtest.CSRChange{signedWith(newRSAKey(3072))}},
		{"RSA with exponent 3", []labtest.CSRChange{signedWith(newRSAKeyWithExponent3)}},
		{"RSA-PSS", []labtest.CSRChange{signedWith(newRSAKey(2048)), editTemplate(func(r *x509.CertificateRequest) { r.SignatureAlgorithm = x509.SHA256WithRSAPSS })}},
		{"P-224", []labtest.CSRChange{signedWith(newECKey(elliptic.P224()))}},
		{"P-521", []labtest.CSRChange{signedWith(newECKey(elliptic.P521()))}},
		{"Ed25519", []labtest.CSRChange{signedWith(newEd25519Key)}},
		{"key without an owner", []labtest.CSRChange{withNeutralKey}},
		{"empty node name", []labtest.CSRChange{withCommonName("system:node:")}},
		{"odd node name", []labtest.CSRChange{withCommonName("system:node:a b/\u202e\x1b[31m")}},
		{"long node name", []labtest.CSRChange{withCommonName("system:node:" + string(bytes.Repeat([]byte("a"), 5000)))}},
		{"no common name", []labtest.CSRChange{withCommonName("")}},
		{"a person", []labtest.CSRChange{withCommonName("alice")}},
		{"prefix in upper case", []labtest.CSRChange{withCommonName("SYSTEM:NODE:p")}},
		{"no organization", []labtest.CSRChange{withOrganizations()}},
		{"other organization", []labtest.CSRChange{withOrganizations("system:masters")}},
		{"two organizations", []labtest.CSRChange{withOrganizations("system:nodes", "system:masters")}},
		{"organization twice", []labtest.CSRChange{withOrganizations("system:nodes", "system:nodes")}},
		{"two common names, node last", []labtest.CSRChange{withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, "x")), multiValueRDN(cn))}},
		{"two common names, node first", []labtest.CSRChange{withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN(subjectAttribute(3, "x")))}},
		{"joined attributes", []labtest.CSRChange{withSubject(multiValueRDN(o, cn))}},
		{"unit and serial number", []labtest.CSRChange{withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN(subjectAttribute(11, "u")), multiValueRDN(subjectAttribute(5, "1")))}},
		{"empty part", []labtest.CSRChange{withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN())}},
		{"number as common name", []labtest.CSRChange{withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, 7)))}},
		{"number after the common name", []labtest.CSRChange{withSubject(multiValueRDN(o), multiValueRDN(cn), multiValueRDN(subjectAttribute(3, 7)))}},
		{"Teletex, plain", []labtest.CSRChange{withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, teletexString("system:node:p"))))}},
		{"Teletex, beyond ASCII", []labtest.CSRChange{withSubject(multiValueRDN(o), multiValueRDN(subjectAttribute(3, teletexString("system:node:caf\xe9"))))}},
		{"NUL in the name", []labtest.CSRChange{withCommonName("system:node:p\x00")}},
		{"DNS name", []labtest.CSRChange{withSANs(asn1.RawValue{Tag: 2, Bytes: []byte("p.example.com")})}},
		{"email address", []labtest.CSRChange{withSANs(asn1.RawValue{Tag: 1, Bytes: []byte("p@example.com")})}},
		{"registered ID", []labtest.CSRChange{withSANs(asn1.RawValue{Tag: 8, Bytes: []byte{42, 3}})}},
		{"no names in the extension", []labtest.CSRChange{withSANs()}},
		{"CA", []labtest.CSRChange{withExtension(true, []byte{48, 3, 1, 1, 255}, 2, 5, 29, 19)}},
		{"unknown critical extension", []labtest.CSRChange{withExtension(true, []byte{5, 0}, 1, 2, 3, 4)}},
		{"hidden name", []labtest.CSRChange{withHiddenSAN(oidMicrosoftExtensions())}},
		{"second value of the extension request", []labtest.CSRChange{withHiddenSAN(oidExtensionRequest(), "")}},
		{"ten minutes", []labtest.CSRChange{withExpiration(600)}},
		{"68 years", []labtest.CSRChange{withExpiration(math.MaxInt32)}},
		{"leading text", []labtest.CSRChange{editPEM(prependText("hello\n"))}},
		{"headers", []labtest.CSRChange{editPEM(addPEMHeader)}},
		{"two blocks", []labtest.CSRChange{editPEM(func(b []byte) []byte { return append(b, b...) })}},
		{"CRLF", []labtest.CSRChange{editPEM(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) })}},
		{"no line end", []labtest.CSRChange{editPEM(bytes.TrimSpace)}},
		{"text after", []labtest.CSRChange{editPEM(func(b []byte) []byte { return append(b, "bye"...) })}},
	}
}

// otherCSRs returns CSRs for the other signers.
func otherCSRs() []predictedCSR {
	const digital, client, server = certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth, certificatesv1.UsageServerAuth
	host := editTemplate(func(r *x509.CertificateRequest) { r.DNSNames = []string{"p.example.com"} })
	address := editTemplate(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })
	email := editTemplate(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"p@example.com"} })
	uri := editTemplate(func(r *x509.CertificateRequest) {
		r.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.com", Path: "/p"}}
	})
	serving := func(changes ...labtest.CSRChange) []labtest.CSRChange {
		return append([]labtest.CSRChange{labtest.WithSigner(csr.KubeletServing), labtest.WithUsages(digital, server)}, changes...)
	}
	person := func(changes ...labtest.CSRChange) []labtest.CSRChange {
		return append([]labtest.CSRChange{labtest.WithSigner(csr.APIServerClient), withCommonName("alice"), withOrganizations("dev"), labtest.WithUsages(client)}, changes...)
	}
	return []predictedCSR{
		{"serving, host", serving(host)},
		{"serving, address", serving(address)},
		{"serving, both and key encipherment", serving(host, address, labtest.WithUsages(digital, certificatesv1.UsageKeyEncipherment, server))},
		{"serving, empty host", serving(withSANs(asn1.RawValue{Tag: 2}))},
		{"serving, any host", serving(editTemplate(func(r *x509.CertificateRequest) { r.DNSNames = []string{"*", "a b", "*.default.svc"} }))},
		{"serving, no names", serving()},
		{"serving, additional email address", serving(host, email)},
		{"serving, additional URI", serving(host, uri)},
		{"serving, only a URI", serving(uri)},
		{"serving, additional registered ID", serving(withSANs(asn1.RawValue{Tag: 2, Bytes: []byte("p")}, asn1.RawValue{Tag: 8, Bytes: []byte{42, 3}}))},
		{"serving, client auth", serving(host, labtest.WithUsages(digital, client))},
		{"serving, a person", serving(host, withCommonName("alice"))},
		{"serving, other organization", serving(host, withOrganizations("dev"))},
		{"client", person()},
		{"client, all usages", person(labtest.WithUsages(client, digital, certificatesv1.UsageKeyEncipherment))},
		{"client, no subject", person(withCommonName(""), withOrganizations())},
		{"client, any names", person(host, address, email, uri)},
		{"client, Kubernetes component", person(withCommonName("system:kube-controller-manager"))},
		{"client, server auth", person(labtest.WithUsages(client, server))},
		{"client, no client auth", person(labtest.WithUsages(digital))},
		{"client, cert sign", person(labtest.WithUsages(client, certificatesv1.UsageCertSign))},
		{"unknown Kubernetes signer", []labtest.CSRChange{labtest.WithSigner("kubernetes.io/x")}},
		{"signer for Pods", []labtest.CSRChange{labtest.WithSigner("kubernetes.io/kube-apiserver-client-pod")}},
		{"name similar to a Kubernetes signer", []labtest.CSRChange{labtest.WithSigner("kubernetes.io/kubelet-servings"), host}},
		{"other signer", []labtest.CSRChange{labtest.WithSigner("example.com/clients")}},
		{"other signer, any usage", []labtest.CSRChange{labtest.WithSigner("example.com/servers"), labtest.WithUsages(certificatesv1.UsageAny)}},
		{"signer in a subdomain of kubernetes.io", []labtest.CSRChange{labtest.WithSigner("x.kubernetes.io/kubelet-serving")}},
	}
}

// TestPredict_ServerOutcome approves CSRs of many kinds through the API, and compares the
// real signers' results with the results of Predict.
func TestPredict_ServerOutcome(t *testing.T) {
	t.Parallel()
	p := labtest.NewAdminWithoutApprover(t)
	predicted, reasons := map[string]csr.Outcome{}, map[string]string{}
	titles := map[string]string{}
	for i, row := range append(clientCSRs(), otherCSRs()...) {
		name := fmt.Sprintf("predict-%d", i)
		object, err := p.SendCSR(t.Context(), t, name, labtest.NewCSR(t, "p", row.changes...))
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		titles[name] = row.name
		predicted[name], reasons[name] = csr.Predict(csr.Decode(object))
		p.ApproveCSR(t, object)
	}
	waitForOutcomes(t, p, predicted)
	time.Sleep(5 * time.Second) // a signer that should do nothing gets time to act
	counts := map[csr.Outcome]int{}
	for name, object := range storedCSRs(t, p) {
		want := string(predicted[name])
		counts[predicted[name]]++
		if !isDecided(predicted[name]) {
			want = "neither"
		}
		if got := observedOutcome(object); got != want {
			t.Errorf("%s: predicted %s (%s), got %s", titles[name], predicted[name], reasons[name], got)
		}
	}
	unsigned := counts[csr.OutcomeNeverSigned] + counts[csr.OutcomeUnknown]
	t.Logf("%d CSRs: %v", len(predicted), counts)
	if len(predicted) < 40 || counts[csr.OutcomeIssued] < 8 || counts[csr.OutcomeFailed] < 8 || unsigned < 4 {
		t.Error("too few CSRs to prove anything")
	}
}

// waitForOutcomes waits until the signers have produced the predicted outcomes. The test
// reports missing outcomes.
func waitForOutcomes(t *testing.T, p labtest.Admin, predicted map[string]csr.Outcome) {
	t.Helper()
	for deadline := time.Now().Add(labtest.Hang); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		waiting := 0
		for name, object := range storedCSRs(t, p) {
			if isDecided(predicted[name]) && observedOutcome(object) == "neither" {
				waiting++
			}
		}
		if waiting == 0 {
			return
		}
	}
}

// isDecided reports whether a Kubernetes signer issues or fails such a CSR.
func isDecided(outcome csr.Outcome) bool {
	return outcome == csr.OutcomeIssued || outcome == csr.OutcomeFailed
}

// observedOutcome returns what a signer did with an approved CSR.
func observedOutcome(object certificatesv1.CertificateSigningRequest) string {
	r := csr.Decode(&object)
	switch {
	case r.Is(csr.Issued):
		return "issued"
	case r.Is(csr.Failed):
		return "failed"
	}
	return "neither"
}

func prependText(words string) func([]byte) []byte {
	return func(text []byte) []byte { return append([]byte(words), text...) }
}

// addPEMHeader adds a header to a PEM block.
func addPEMHeader(text []byte) []byte {
	block, _ := pem.Decode(text)
	block.Headers = map[string]string{"Node": "innocent"}
	return pem.EncodeToMemory(block)
}

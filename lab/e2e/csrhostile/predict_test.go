package e2e

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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// certificateRequest is a request under a name of the test's.
type certificateRequest struct {
	name    string
	changes []change
}

// clientCorpus is for the signer of kubelets' client certificates.
func clientCorpus() []certificateRequest {
	const digital, client = certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth
	cn, o := attribute(3, "system:node:p"), attribute(10, "system:nodes")
	return []certificateRequest{
		{"plain", nil},
		{"key encipherment", []change{usages(digital, client, certificatesv1.UsageKeyEncipherment)}},
		{"usages in another order", []change{usages(client, digital)}},
		{"client auth alone", []change{usages(client)}},
		{"digital signature alone", []change{usages(digital)}},
		{"server auth too", []change{usages(digital, client, certificatesv1.UsageServerAuth)}},
		{"any", []change{usages(digital, client, certificatesv1.UsageAny)}},
		{"RSA 1024", []change{signedBy(rsaKey(1024))}},
		{"RSA 3072", []change{signedBy(rsaKey(3072))}},
		{"RSA with exponent 3", []change{signedBy(rsaKeyOfThree)}},
		{"RSA-PSS", []change{signedBy(rsaKey(2048)), template(func(r *x509.CertificateRequest) { r.SignatureAlgorithm = x509.SHA256WithRSAPSS })}},
		{"P-224", []change{signedBy(ecKey(elliptic.P224()))}},
		{"P-521", []change{signedBy(ecKey(elliptic.P521()))}},
		{"Ed25519", []change{signedBy(edKey)}},
		{"key of nobody", []change{nobodysKey}},
		{"empty node name", []change{commonName("system:node:")}},
		{"odd node name", []change{commonName("system:node:a b/\u202e\x1b[31m")}},
		{"long node name", []change{commonName("system:node:" + string(bytes.Repeat([]byte("a"), 5000)))}},
		{"no common name", []change{commonName("")}},
		{"a person", []change{commonName("alice")}},
		{"prefix in upper case", []change{commonName("SYSTEM:NODE:p")}},
		{"no organization", []change{organization()}},
		{"other organization", []change{organization("system:masters")}},
		{"two organizations", []change{organization("system:nodes", "system:masters")}},
		{"organization twice", []change{organization("system:nodes", "system:nodes")}},
		{"two common names, node last", []change{subject(set(o), set(attribute(3, "x")), set(cn))}},
		{"two common names, node first", []change{subject(set(o), set(cn), set(attribute(3, "x")))}},
		{"joined attributes", []change{subject(set(o, cn))}},
		{"unit and serial number", []change{subject(set(o), set(cn), set(attribute(11, "u")), set(attribute(5, "1")))}},
		{"empty part", []change{subject(set(o), set(cn), set())}},
		{"number as common name", []change{subject(set(o), set(attribute(3, 7)))}},
		{"number after the common name", []change{subject(set(o), set(cn), set(attribute(3, 7)))}},
		{"Teletex, plain", []change{subject(set(o), set(attribute(3, teletex("system:node:p"))))}},
		{"Teletex, beyond ASCII", []change{subject(set(o), set(attribute(3, teletex("system:node:caf\xe9"))))}},
		{"NUL in the name", []change{commonName("system:node:p\x00")}},
		{"DNS name", []change{altName(asn1.RawValue{Tag: 2, Bytes: []byte("p.example.com")})}},
		{"email address", []change{altName(asn1.RawValue{Tag: 1, Bytes: []byte("p@example.com")})}},
		{"registered ID", []change{altName(asn1.RawValue{Tag: 8, Bytes: []byte{42, 3}})}},
		{"no names in the extension", []change{altName()}},
		{"CA", []change{extension(true, []byte{48, 3, 1, 1, 255}, 2, 5, 29, 19)}},
		{"unknown critical extension", []change{extension(true, []byte{5, 0}, 1, 2, 3, 4)}},
		{"hidden name", []change{hidden(microsoft())}},
		{"second value of the extension request", []change{hidden(requested(), "")}},
		{"ten minutes", []change{expires(600)}},
		{"68 years", []change{expires(math.MaxInt32)}},
		{"leading text", []change{text(before("hello\n"))}},
		{"headers", []change{text(headers)}},
		{"two blocks", []change{text(func(b []byte) []byte { return append(b, b...) })}},
		{"CRLF", []change{text(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) })}},
		{"no line end", []change{text(bytes.TrimSpace)}},
		{"text after", []change{text(func(b []byte) []byte { return append(b, "bye"...) })}},
	}
}

// otherCorpus is for the other signers.
func otherCorpus() []certificateRequest {
	const digital, client, server = certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth, certificatesv1.UsageServerAuth
	host := template(func(r *x509.CertificateRequest) { r.DNSNames = []string{"p.example.com"} })
	address := template(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })
	email := template(func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"p@example.com"} })
	uri := template(func(r *x509.CertificateRequest) {
		r.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.com", Path: "/p"}}
	})
	serving := func(changes ...change) []change {
		return append([]change{to(csr.KubeletServing), usages(digital, server)}, changes...)
	}
	person := func(changes ...change) []change {
		return append([]change{to(csr.APIServerClient), commonName("alice"), organization("dev"), usages(client)}, changes...)
	}
	return []certificateRequest{
		{"serving, host", serving(host)},
		{"serving, address", serving(address)},
		{"serving, both and key encipherment", serving(host, address, usages(digital, certificatesv1.UsageKeyEncipherment, server))},
		{"serving, empty host", serving(altName(asn1.RawValue{Tag: 2}))},
		{"serving, any host", serving(template(func(r *x509.CertificateRequest) { r.DNSNames = []string{"*", "a b", "*.default.svc"} }))},
		{"serving, no names", serving()},
		{"serving, email address too", serving(host, email)},
		{"serving, URI too", serving(host, uri)},
		{"serving, URI alone", serving(uri)},
		{"serving, registered ID too", serving(altName(asn1.RawValue{Tag: 2, Bytes: []byte("p")}, asn1.RawValue{Tag: 8, Bytes: []byte{42, 3}}))},
		{"serving, client auth", serving(host, usages(digital, client))},
		{"serving, a person", serving(host, commonName("alice"))},
		{"serving, other organization", serving(host, organization("dev"))},
		{"client", person()},
		{"client, all usages", person(usages(client, digital, certificatesv1.UsageKeyEncipherment))},
		{"client, no subject", person(commonName(""), organization())},
		{"client, any names", person(host, address, email, uri)},
		{"client, of the system", person(commonName("system:kube-controller-manager"))},
		{"client, server auth", person(usages(client, server))},
		{"client, no client auth", person(usages(digital))},
		{"client, cert sign", person(usages(client, certificatesv1.UsageCertSign))},
		{"unknown signer of Kubernetes", []change{to("kubernetes.io/x")}},
		{"signer of Pods", []change{to("kubernetes.io/kube-apiserver-client-pod")}},
		{"a name near that of a signer", []change{to("kubernetes.io/kubelet-servings"), host}},
		{"signer of somebody", []change{to("example.com/clients")}},
		{"signer of somebody, any usage", []change{to("example.com/servers"), usages(certificatesv1.UsageAny)}},
		{"signer below Kubernetes' domain", []change{to("x.kubernetes.io/kubelet-serving")}},
	}
}

// TestPredictedOutcome approves requests of many kinds by the API, and compares
// what the real signers make of each with what Predict says.
func TestPredictedOutcome(t *testing.T) {
	t.Parallel()
	p := withoutApprover(t)
	predicted, reasons := map[string]csr.Outcome{}, map[string]string{}
	titles := map[string]string{}
	for i, row := range append(clientCorpus(), otherCorpus()...) {
		name := fmt.Sprintf("predict-%d", i)
		object, err := p.send(t.Context(), t, name, newAsk(t, "p", row.changes...))
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		titles[name] = row.name
		predicted[name], reasons[name] = csr.Predict(csr.Decode(object))
		p.approveByAPI(t, object)
	}
	p.settle(t, predicted)
	time.Sleep(5 * time.Second) // for signers that should do nothing
	counts := map[csr.Outcome]int{}
	for name, object := range p.requests(t) {
		want := string(predicted[name])
		counts[predicted[name]]++
		if !decides(predicted[name]) {
			want = "neither"
		}
		if got := actual(object); got != want {
			t.Errorf("%s: predicted %s (%s), and it was %s", titles[name], predicted[name], reasons[name], got)
		}
	}
	silent := counts[csr.OutcomeNeverSigned] + counts[csr.OutcomeUnknown]
	t.Logf("%d requests: %v", len(predicted), counts)
	if len(predicted) < 40 || counts[csr.OutcomeIssued] < 8 || counts[csr.OutcomeFailed] < 8 || silent < 4 {
		t.Error("these are too few to prove anything")
	}
}

// settle waits until the signers have done what they are predicted to do. What they
// leave undone is for the test to report.
func (p program) settle(t *testing.T, predicted map[string]csr.Outcome) {
	t.Helper()
	for deadline := time.Now().Add(labtest.Hang); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		waiting := 0
		for name, object := range p.requests(t) {
			if decides(predicted[name]) && actual(object) == "neither" {
				waiting++
			}
		}
		if waiting == 0 {
			return
		}
	}
}

func (p program) approveByAPI(t *testing.T, object *certificatesv1.CertificateSigningRequest) {
	t.Helper()
	object.Status.Conditions = append(object.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue, Reason: "Test",
	})
	_, err := p.as(t, "").CertificatesV1().CertificateSigningRequests().UpdateApproval(t.Context(), object.Name, object, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// decides says whether a signer of Kubernetes has anything to do.
func decides(outcome csr.Outcome) bool {
	return outcome == csr.OutcomeIssued || outcome == csr.OutcomeFailed
}

// actual says what has become of an approved request.
func actual(object certificatesv1.CertificateSigningRequest) string {
	r := csr.Decode(&object)
	switch {
	case r.Is(csr.Issued):
		return "issued"
	case r.Is(csr.Failed):
		return "failed"
	}
	return "neither"
}

func before(words string) func([]byte) []byte {
	return func(text []byte) []byte { return append([]byte(words), text...) }
}

// headers adds a header to a PEM block.
func headers(text []byte) []byte {
	block, _ := pem.Decode(text)
	block.Headers = map[string]string{"Node": "innocent"}
	return pem.EncodeToMemory(block)
}

package e2e

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// withoutApprover starts a control plane in which nobody approves requests but
// the test, prepared as an operator does who approves each node.
func withoutApprover(t *testing.T) program {
	t.Helper()
	server, err := labtest.Start(filepath.Join(t.TempDir(), "lab"), "csrapproving")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	p := program{server}
	p.must(t, "setup", "--endpoint", server.URL(), "--auto-approve", "none")
	return p
}

// as returns a client of the administrator, who impersonates the user if one is
// given.
func (p program) as(t *testing.T, user string, groups ...string) kubernetes.Interface {
	t.Helper()
	client, err := p.server.Client(user, groups...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// requests returns all that the server has, by name.
func (p program) requests(t *testing.T) map[string]certificatesv1.CertificateSigningRequest {
	t.Helper()
	list, err := p.as(t, "").CertificatesV1().CertificateSigningRequests().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]certificatesv1.CertificateSigningRequest{}
	for _, object := range list.Items {
		all[object.Name] = object
	}
	return all
}

// approve runs csr approve, and returns its exit code and what it says of each
// request.
func (p program) approve(t *testing.T, args ...string) (int, map[string]output.Result) {
	t.Helper()
	code, stdout, stderr := p.run(t, append([]string{"csr", "approve", "-o", "json"}, args...)...)
	var list output.ResultList
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		t.Fatalf("bootctl csr approve: exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	results := map[string]output.Result{}
	for _, item := range list.Items {
		results[item.Name] = item
	}
	return code, results
}

// ask is a request for a certificate, and who sends it.
type ask struct {
	node     string // what "victim" stands for in the changes
	user     string
	groups   []string
	signer   string
	usages   []certificatesv1.KeyUsage
	expires  int32
	template x509.CertificateRequest
	key      crypto.Signer
	der      []byte                   // instead of what template and key make
	text     func(text []byte) []byte // changes the PEM
}

// change makes one request into another.
type change func(t *testing.T, a *ask)

// newAsk returns what a kubelet with a bootstrap token asks for, changed.
func newAsk(t *testing.T, node string, changes ...change) ask {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := ask{
		node:     node,
		user:     "system:bootstrap:abcdef",
		groups:   []string{"system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"},
		signer:   csr.KubeletClient,
		usages:   []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth},
		template: x509.CertificateRequest{Subject: csr.NodeSubject(node)},
		key:      key,
	}
	for _, change := range changes {
		change(t, &a)
	}
	a.user, a.template.Subject.CommonName = a.named(a.user), a.named(a.template.Subject.CommonName)
	for i, host := range a.template.DNSNames {
		a.template.DNSNames[i] = a.named(host)
	}
	return a
}

func (a *ask) named(text string) string { return strings.ReplaceAll(text, "victim", a.node) }

// send creates the request under the name.
func (p program) send(ctx context.Context, t *testing.T, name string, a ask) (*certificatesv1.CertificateSigningRequest, error) {
	t.Helper()
	der := a.der
	if der == nil {
		var err error
		if der, err = x509.CreateCertificateRequest(rand.Reader, &a.template, a.key); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	if a.text != nil {
		text = a.text(text)
	}
	object := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       certificatesv1.CertificateSigningRequestSpec{Request: text, SignerName: a.signer, Usages: a.usages},
	}
	if a.expires != 0 {
		object.Spec.ExpirationSeconds = &a.expires
	}
	return p.as(t, a.user, a.groups...).CertificatesV1().CertificateSigningRequests().Create(ctx, object, metav1.CreateOptions{})
}

// by makes someone else send the request.
func by(user string, groups ...string) change {
	return func(t *testing.T, a *ask) {
		t.Helper()
		a.user, a.groups = user, append(groups, "system:authenticated")
	}
}

// byNode makes the node itself send the request.
func byNode(node string) change { return by("system:node:"+node, "system:nodes") }

func to(signer string) change { return func(_ *testing.T, a *ask) { a.signer = signer } }

func usages(usages ...certificatesv1.KeyUsage) change {
	return func(_ *testing.T, a *ask) { a.usages = usages }
}

func expires(seconds int32) change { return func(_ *testing.T, a *ask) { a.expires = seconds } }

func text(change func(text []byte) []byte) change {
	return func(_ *testing.T, a *ask) { a.text = change }
}

func template(edit func(*x509.CertificateRequest)) change {
	return func(_ *testing.T, a *ask) { edit(&a.template) }
}

func commonName(cn string) change {
	return template(func(r *x509.CertificateRequest) { r.Subject.CommonName = cn })
}

func organization(names ...string) change {
	return template(func(r *x509.CertificateRequest) { r.Subject.Organization = names })
}

// signedBy makes another key sign the request.
func signedBy(generate func() (crypto.Signer, error)) change {
	return func(t *testing.T, a *ask) {
		t.Helper()
		key, err := generate()
		if err != nil {
			t.Fatal(err)
		}
		a.key = key
	}
}

// subject sets the parts of the subject one by one.
func subject(parts ...pkix.RelativeDistinguishedNameSET) change {
	return func(t *testing.T, a *ask) {
		t.Helper()
		for _, part := range parts {
			for i := range part {
				if value, ok := part[i].Value.(string); ok {
					part[i].Value = a.named(value)
				}
			}
		}
		a.template.RawSubject = der(t, pkix.RDNSequence(parts))
	}
}

func extension(critical bool, value []byte, oid ...int) change {
	return template(func(r *x509.CertificateRequest) {
		r.ExtraExtensions = append(r.ExtraExtensions, pkix.Extension{Id: oid, Critical: critical, Value: value})
	})
}

// attribute is an attribute of a subject: 3 is CN, 10 is O.
func attribute(kind int, value any) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, kind}, Value: value}
}

func der(t *testing.T, value any) []byte {
	t.Helper()
	text, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

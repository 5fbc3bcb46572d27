package labtest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/pkg/csr"
)

// CSR is a certificate signing request and its requester.
type CSR struct {
	Node              string // replaces "victim" in the changes
	User              string
	Groups            []string
	Signer            string
	Usages            []certificatesv1.KeyUsage
	ExpirationSeconds int32
	Template          x509.CertificateRequest
	Key               crypto.Signer
	DER               []byte                   // instead of a PKCS#10 request built from Template and Key
	EditPEM           func(text []byte) []byte // changes the PEM
}

// CSRChange changes a CSR before it is sent.
type CSRChange func(t *testing.T, r *CSR)

// NewCSR returns the CSR that a kubelet with a bootstrap token sends, with the changes.
func NewCSR(t *testing.T, node string, changes ...CSRChange) CSR {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := CSR{
		Node:     node,
		User:     "system:bootstrap:abcdef",
		Groups:   []string{"system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"},
		Signer:   csr.KubeletClient,
		Usages:   []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth},
		Template: x509.CertificateRequest{Subject: csr.NodeSubject(node)},
		Key:      key,
	}
	for _, change := range changes {
		change(t, &r)
	}
	r.User, r.Template.Subject.CommonName = r.Expand(r.User), r.Expand(r.Template.Subject.CommonName)
	for i, host := range r.Template.DNSNames {
		r.Template.DNSNames[i] = r.Expand(host)
	}
	return r
}

// Expand returns the text with the name of the node for "victim".
func (r *CSR) Expand(text string) string { return strings.ReplaceAll(text, "victim", r.Node) }

// SentBy sets the CSR's requester to another user.
func SentBy(user string, groups ...string) CSRChange {
	return func(t *testing.T, r *CSR) {
		t.Helper()
		r.User, r.Groups = user, append(groups, "system:authenticated")
	}
}

// SentByNode sets the CSR's requester to the node itself.
func SentByNode(node string) CSRChange { return SentBy("system:node:"+node, "system:nodes") }

// WithSigner sets the signer name.
func WithSigner(signer string) CSRChange { return func(_ *testing.T, r *CSR) { r.Signer = signer } }

// WithUsages sets the usages.
func WithUsages(usages ...certificatesv1.KeyUsage) CSRChange {
	return func(_ *testing.T, r *CSR) { r.Usages = usages }
}

// SendCSR creates the CSR under the name.
func (a Admin) SendCSR(ctx context.Context, t *testing.T, name string, r CSR) (*certificatesv1.CertificateSigningRequest, error) {
	t.Helper()
	der := r.DER
	if der == nil {
		var err error
		if der, err = x509.CreateCertificateRequest(rand.Reader, &r.Template, r.Key); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	if r.EditPEM != nil {
		text = r.EditPEM(text)
	}
	object := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       certificatesv1.CertificateSigningRequestSpec{Request: text, SignerName: r.Signer, Usages: r.Usages},
	}
	if r.ExpirationSeconds != 0 {
		object.Spec.ExpirationSeconds = &r.ExpirationSeconds
	}
	return a.ClientAs(t, r.User, r.Groups...).CertificatesV1().CertificateSigningRequests().Create(ctx, object, metav1.CreateOptions{})
}

// ApproveCSR approves the CSR as the administrator, without bootctl.
func (a Admin) ApproveCSR(t *testing.T, object *certificatesv1.CertificateSigningRequest) {
	t.Helper()
	object.Status.Conditions = append(object.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue, Reason: "Test",
	})
	_, err := a.ClientAs(t, "").CertificatesV1().CertificateSigningRequests().UpdateApproval(t.Context(), object.Name, object, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

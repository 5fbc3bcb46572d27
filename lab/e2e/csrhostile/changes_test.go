package csrhostile

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/lab/labtest"
)

// storedCSRs returns all CSRs by name.
func storedCSRs(t *testing.T, p labtest.Admin) map[string]certificatesv1.CertificateSigningRequest {
	t.Helper()
	list, err := p.ClientAs(t, "").CertificatesV1().CertificateSigningRequests().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]certificatesv1.CertificateSigningRequest{}
	for _, object := range list.Items {
		all[object.Name] = object
	}
	return all
}

// approveWithBootctl runs csr approve, and returns its exit code and the result for each CSR.
func approveWithBootctl(t *testing.T, p labtest.Admin, args ...string) (int, map[string]output.Result) {
	t.Helper()
	code, stdout, stderr := p.Run(t, append([]string{"csr", "approve", "-o", "json"}, args...)...)
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

func withExpiration(seconds int32) labtest.CSRChange {
	return func(_ *testing.T, a *labtest.CSR) { a.ExpirationSeconds = seconds }
}

func editPEM(change func(text []byte) []byte) labtest.CSRChange {
	return func(_ *testing.T, a *labtest.CSR) { a.EditPEM = change }
}

func editTemplate(edit func(*x509.CertificateRequest)) labtest.CSRChange {
	return func(_ *testing.T, a *labtest.CSR) { edit(&a.Template) }
}

func withCommonName(cn string) labtest.CSRChange {
	return editTemplate(func(r *x509.CertificateRequest) { r.Subject.CommonName = cn })
}

func withOrganizations(names ...string) labtest.CSRChange {
	return editTemplate(func(r *x509.CertificateRequest) { r.Subject.Organization = names })
}

// signedWith signs the CSR with another key.
func signedWith(generate func() (crypto.Signer, error)) labtest.CSRChange {
	return func(t *testing.T, a *labtest.CSR) {
		t.Helper()
		key, err := generate()
		if err != nil {
			t.Fatal(err)
		}
		a.Key = key
	}
}

// withSubject sets the parts of the subject.
func withSubject(parts ...pkix.RelativeDistinguishedNameSET) labtest.CSRChange {
	return func(t *testing.T, a *labtest.CSR) {
		t.Helper()
		for _, part := range parts {
			for i := range part {
				if value, ok := part[i].Value.(string); ok {
					part[i].Value = a.Expand(value)
				}
			}
		}
		a.Template.RawSubject = marshalASN1(t, pkix.RDNSequence(parts))
	}
}

func withExtension(critical bool, value []byte, oid ...int) labtest.CSRChange {
	return editTemplate(func(r *x509.CertificateRequest) {
		r.ExtraExtensions = append(r.ExtraExtensions, pkix.Extension{Id: oid, Critical: critical, Value: value})
	})
}

// subjectAttribute returns an attribute of a subject: 3 is CN, 10 is O.
func subjectAttribute(kind int, value any) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, kind}, Value: value}
}

func marshalASN1(t *testing.T, value any) []byte {
	t.Helper()
	text, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

package csr

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
)

// Conditions of a request, as kubectl names them.
const (
	Pending  = "Pending"
	Approved = "Approved"
	Denied   = "Denied"
	Failed   = "Failed"
	Issued   = "Issued"
)

// Request is a stored request, decoded.
type Request struct {
	Name, UID  string
	Created    time.Time
	SignerName string
	// Username and Groups are those of who sent it, as the API server saw.
	Username string
	Groups   []string
	Usages   []string
	// ExpirationSeconds is the lifetime asked for; 0 leaves it to the signer.
	ExpirationSeconds int32
	// Conditions are what has become of it: Pending or what followed.
	Conditions []string
	// Reason and Message are those of the last decision: a denial or a failure.
	Reason, Message string
	// Decided is when the last condition was set; zero when none was.
	Decided time.Time
	// PKCS10 is what a signer reads; nil when not even that is possible. Problem
	// says why it is not one request in PEM and nothing else.
	PKCS10  *x509.CertificateRequest
	Problem string
	// Certificate is what was issued, in PEM; nil when nothing was.
	Certificate []byte

	stored *certificatesv1.CertificateSigningRequest
}

// Decode reads a stored request. It never fails; see Request.Problem. Whether
// its own key signed it is left to Check: that takes longer than all the rest, and
// the API server has looked.
func Decode(object *certificatesv1.CertificateSigningRequest) Request {
	r := Request{
		Name:              object.Name,
		UID:               string(object.UID),
		Created:           object.CreationTimestamp.Time,
		SignerName:        object.Spec.SignerName,
		Username:          object.Spec.Username,
		Groups:            object.Spec.Groups,
		ExpirationSeconds: seconds(object),
		Certificate:       object.Status.Certificate,
		stored:            object,
	}
	has := map[certificatesv1.RequestConditionType]bool{}
	for _, condition := range object.Status.Conditions {
		if condition.Status == corev1.ConditionTrue {
			has[condition.Type] = true
			r.Reason, r.Message, r.Decided = condition.Reason, condition.Message, condition.LastUpdateTime.Time
		}
	}
	r.Conditions = conditions(has, len(r.Certificate) > 0)
	for _, usage := range object.Spec.Usages {
		r.Usages = append(r.Usages, string(usage))
	}
	var err error
	if r.PKCS10, err = parseUnsigned(object.Spec.Request); err != nil {
		r.Problem = err.Error()
		r.PKCS10 = firstRequest(object.Spec.Request)
	}
	return r
}

// firstRequest reads what signers do: the first block of PEM, whatever stands
// around it.
func firstRequest(text []byte) *x509.CertificateRequest {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != requestPEM {
		return nil
	}
	request, _ := x509.ParseCertificateRequest(block.Bytes) // nil when it is none
	return request
}

// Is says whether the condition holds.
func (r Request) Is(condition string) bool { return slices.Contains(r.Conditions, condition) }

// IsPending says whether nobody has decided on the request.
func (r Request) IsPending() bool { return slices.Equal(r.Conditions, []string{Pending}) }

// Refused returns an error that matches ErrDenied or ErrFailed when the request was
// denied or failed.
func (r Request) Refused() error {
	end := ErrDenied
	switch {
	case r.Is(Denied):
	case r.Is(Failed):
		end = ErrFailed
	default:
		return nil
	}
	return &RequestError{r.Name, fmt.Errorf("%w (%s): %s", end, r.Reason, r.Message)}
}

// State is nil once the request was approved and has its certificate. Before and
// otherwise it is why it has none: an error that matches ErrPending, ErrUnsigned,
// ErrDenied or ErrFailed.
func (r Request) State() error {
	refused := r.Refused()
	switch {
	case refused != nil:
		return refused
	case !r.Is(Approved):
		return &RequestError{r.Name, ErrPending}
	case !r.Is(Issued):
		return &RequestError{r.Name, ErrUnsigned}
	}
	return nil
}

// NodeName returns the name of the node that the request is for; empty when its
// subject is not that of a node.
func (r Request) NodeName() string {
	if r.PKCS10 == nil || !strings.HasPrefix(r.PKCS10.Subject.CommonName, NodeUserPrefix) {
		return ""
	}
	return strings.TrimPrefix(r.PKCS10.Subject.CommonName, NodeUserPrefix)
}

// Subject returns all of the subject, also what a certificate would not show.
func (r Request) Subject() string {
	var subject pkix.RDNSequence
	if r.PKCS10 != nil {
		_, _ = asn1.Unmarshal(r.PKCS10.RawSubject, &subject) // it was when the request was read
	}
	return subject.String()
}

// SANs returns the subject alternative names, each with its kind.
func (r Request) SANs() []string {
	if r.PKCS10 == nil {
		return nil
	}
	return sanTexts(r.PKCS10.DNSNames, r.PKCS10.IPAddresses, r.PKCS10.EmailAddresses, r.PKCS10.URIs)
}

func sanTexts(hosts []string, ips []net.IP, emails []string, uris []*url.URL) []string {
	return slices.Concat(ofKind("DNS", hosts), ofKind("IP", ips), ofKind("email", emails), ofKind("URI", uris))
}

// ofKind writes each name with its kind.
func ofKind[T any](kind string, names []T) (texts []string) {
	for _, name := range names {
		texts = append(texts, fmt.Sprintf("%s:%v", kind, name))
	}
	return texts
}

func conditions(has map[certificatesv1.RequestConditionType]bool, issued bool) []string {
	out := []string{Pending}
	switch {
	case has[certificatesv1.CertificateDenied]:
		out = []string{Denied}
	case has[certificatesv1.CertificateApproved]:
		out = []string{Approved}
	}
	if has[certificatesv1.CertificateFailed] {
		out = append(out, Failed)
	}
	if issued {
		out = append(out, Issued)
	}
	return out
}

// Stored returns the object that the request was decoded from.
func (r Request) Stored() *certificatesv1.CertificateSigningRequest { return r.stored }

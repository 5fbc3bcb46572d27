package csr

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
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
		ExpirationSeconds: seconds(object.Spec),
		Conditions:        conditions(object.Status),
		Certificate:       object.Status.Certificate,
		stored:            object,
	}
	for _, condition := range object.Status.Conditions {
		if isTrue(condition) {
			r.Reason, r.Message, r.Decided = condition.Reason, condition.Message, condition.LastUpdateTime.Time
		}
	}
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
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil
	}
	return request
}

// Is says whether the condition holds.
func (r Request) Is(condition string) bool { return slices.Contains(r.Conditions, condition) }

// IsPending says whether nobody has decided on the request.
func (r Request) IsPending() bool { return slices.Equal(r.Conditions, []string{Pending}) }

// Refused returns a *RefusedError when the request was denied or failed.
func (r Request) Refused() error {
	switch {
	case r.Is(Denied):
		return &RefusedError{r.Name, ErrDenied, r.Reason, r.Message}
	case r.Is(Failed):
		return &RefusedError{r.Name, ErrFailed, r.Reason, r.Message}
	}
	return nil
}

// NodeName returns the name of the node that the request is for; empty when its
// subject is not that of a node.
func (r Request) NodeName() string {
	if r.PKCS10 == nil {
		return ""
	}
	name, ok := strings.CutPrefix(r.PKCS10.Subject.CommonName, NodeUserPrefix)
	if !ok {
		return ""
	}
	return name
}

// Subject returns all of the subject, also what a certificate would not show.
func (r Request) Subject() string {
	var subject pkix.RDNSequence
	if r.PKCS10 == nil {
		return ""
	}
	if _, err := asn1.Unmarshal(r.PKCS10.RawSubject, &subject); err != nil {
		return r.PKCS10.Subject.String()
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
	var names []string
	for _, host := range hosts {
		names = append(names, "DNS:"+host)
	}
	for _, ip := range ips {
		names = append(names, "IP:"+ip.String())
	}
	for _, address := range emails {
		names = append(names, "email:"+address)
	}
	for _, uri := range uris {
		names = append(names, "URI:"+uri.String())
	}
	return names
}

func isTrue(condition certificatesv1.CertificateSigningRequestCondition) bool {
	return condition.Status == corev1.ConditionTrue
}

func conditions(status certificatesv1.CertificateSigningRequestStatus) []string {
	has := map[certificatesv1.RequestConditionType]bool{}
	for _, condition := range status.Conditions {
		has[condition.Type] = has[condition.Type] || isTrue(condition)
	}
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
	if len(status.Certificate) > 0 {
		out = append(out, Issued)
	}
	return out
}

// Stored returns the object that the request was decoded from.
func (r Request) Stored() *certificatesv1.CertificateSigningRequest { return r.stored }

package csr

import (
	"crypto/x509"
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
	// PKCS10 is the request proper; nil when Problem says why it cannot be read.
	PKCS10  *x509.CertificateRequest
	Problem string
}

// Decode reads a stored request. It never fails; see Request.Problem.
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
	}
	for _, usage := range object.Spec.Usages {
		r.Usages = append(r.Usages, string(usage))
	}
	var err error
	if r.PKCS10, err = ParseRequest(object.Spec.Request); err != nil {
		r.Problem = err.Error()
	}
	return r
}

// IsPending says whether nobody has decided on the request.
func (r Request) IsPending() bool { return slices.Equal(r.Conditions, []string{Pending}) }

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

// SANs returns the subject alternative names, each with its kind.
func (r Request) SANs() []string {
	if r.PKCS10 == nil {
		return nil
	}
	var names []string
	for _, name := range r.PKCS10.DNSNames {
		names = append(names, "DNS:"+name)
	}
	for _, ip := range r.PKCS10.IPAddresses {
		names = append(names, "IP:"+ip.String())
	}
	for _, address := range r.PKCS10.EmailAddresses {
		names = append(names, "email:"+address)
	}
	for _, uri := range r.PKCS10.URIs {
		names = append(names, "URI:"+uri.String())
	}
	return names
}

func conditions(status certificatesv1.CertificateSigningRequestStatus) []string {
	has := map[certificatesv1.RequestConditionType]bool{}
	for _, condition := range status.Conditions {
		has[condition.Type] = has[condition.Type] || condition.Status == corev1.ConditionTrue
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

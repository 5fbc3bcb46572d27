package csr

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
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

// Stored returns the object that the request was decoded from.
func (r Request) Stored() *certificatesv1.CertificateSigningRequest { return r.stored }

// seconds is the lifetime asked for, 0 where none is.
func seconds(request *certificatesv1.CertificateSigningRequest) int32 {
	return *cmp.Or(request.Spec.ExpirationSeconds, new(int32))
}

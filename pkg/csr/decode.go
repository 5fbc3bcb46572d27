package csr

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
)

// Request is a decoded CSR of the API server.
type Request struct {
	Name, UID  string
	Created    time.Time
	SignerName string
	// Username and Groups are the requester's, as the API server authenticated it.
	Username string
	Groups   []string
	Usages   []string
	// ExpirationSeconds is the requested lifetime; 0 means the signer's default.
	ExpirationSeconds int32
	// Conditions are Pending, or the conditions that followed.
	Conditions []string
	// Reason and Message are from the last condition, such as a denial or a failure.
	Reason, Message string
	// Decided is when the last condition was set; zero if there is none.
	Decided time.Time
	// PKCS10 is what a signer reads; nil if it cannot be parsed. Problem is the reason
	// why spec.request is not exactly one PKCS#10 request in PEM.
	PKCS10  *x509.CertificateRequest
	Problem string
	// Certificate is the issued certificate in PEM; nil if there is none.
	Certificate []byte

	stored *certificatesv1.CertificateSigningRequest
}

// Decode decodes a CSR. It never fails; see Request.Problem. It does not verify that the
// CSR is signed with its own key, which takes longer than the rest: approval.Check does, and
// the API server has verified it.
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

// firstRequest parses what signers do: the first PEM block, with any text around it.
func firstRequest(text []byte) *x509.CertificateRequest {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != requestPEM {
		return nil
	}
	request, _ := x509.ParseCertificateRequest(block.Bytes) // nil if it is invalid
	return request
}

// Stored returns the object from which the Request was decoded.
func (r Request) Stored() *certificatesv1.CertificateSigningRequest { return r.stored }

// seconds returns the requested lifetime, 0 if there is none.
func seconds(request *certificatesv1.CertificateSigningRequest) int32 {
	return *cmp.Or(request.Spec.ExpirationSeconds, new(int32))
}

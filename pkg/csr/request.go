package csr

import (
	"cmp"
	"crypto"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// NodesGroup and NodeUserPrefix make up the identity of a node.
const (
	NodesGroup     = "system:nodes"
	NodeUserPrefix = "system:node:"
)

// Errors of making and reading requests.
var (
	// ErrInvalidNodeName means that a node cannot have this name.
	ErrInvalidNodeName = errors.New("not the name of a node")
	// ErrInvalidRequest means that a text is not one certificate request in
	// PEM, signed by its own key.
	ErrInvalidRequest = errors.New("not a certificate request")
	// ErrInvalidSAN means that a text is not a subject alternative name.
	ErrInvalidSAN = errors.New("not a DNS name, IP address, email address or URI")
	// ErrUnfit means that the API server or the signer would refuse a request.
	ErrUnfit = errors.New("the request would not be signed")
)

// ValidateNodeName returns an error that matches ErrInvalidNodeName unless name
// is a DNS subdomain in lower case (RFC 1123), as names of nodes are.
func ValidateNodeName(name string) error {
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return fmt.Errorf("%w: %q: it must be up to 253 of a-z, 0-9, dashes and dots, with a letter or digit at both ends of each part", ErrInvalidNodeName, name)
	}
	return nil
}

// RequestSpec says what certificate is asked for.
type RequestSpec struct {
	// Template has the subject and the alternative names.
	Template x509.CertificateRequest
	// SignerName is who shall sign; empty leaves it to what is asked for: the
	// kubelet's signers for a node, kube-apiserver-client for others.
	SignerName string
	// Usages are those asked for; none means those that the signer takes.
	Usages []certificatesv1.KeyUsage
	// Expiration is the lifetime asked for, in whole seconds; 0 leaves it to the
	// signer, which may shorten it.
	Expiration time.Duration
}

// NewRequest makes a request for a certificate, under a name that depends on the
// key, the subject and the usages alone, so that the same command finds its own
// request again. It returns an error that matches ErrUnfit when the API server
// or the signer would refuse it.
func NewRequest(wanted RequestSpec, key crypto.Signer, random io.Reader) (*certificatesv1.CertificateSigningRequest, error) {
	der, err := x509.CreateCertificateRequest(random, &wanted.Template, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	return FromPKCS10(pem.EncodeToMemory(&pem.Block{Type: requestPEM, Bytes: der}), wanted)
}

// FromPKCS10 makes the request for what a text in PEM asks for; wanted says the
// rest. It returns an error that matches ErrInvalidRequest or ErrUnfit.
func FromPKCS10(text []byte, wanted RequestSpec) (*certificatesv1.CertificateSigningRequest, error) {
	pkcs10, err := ParseRequest(text)
	if err != nil {
		return nil, err
	}
	signer := cmp.Or(wanted.SignerName, signerFor(pkcs10))
	if !isSignerName(signer) {
		return nil, fmt.Errorf("%w: %q is not the name of a signer, such as example.com/clients", ErrUnfit, signer)
	}
	usages := wanted.Usages
	if len(usages) == 0 {
		if usages, err = usagesFor(signer, pkcs10.PublicKey); err != nil {
			return nil, err
		}
	}
	seconds, err := expirationSeconds(wanted.Expiration)
	if err != nil {
		return nil, err
	}
	object := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: digestName(signer, pkcs10, usages)},
		Spec:       certificatesv1.CertificateSigningRequestSpec{Request: text, SignerName: signer, Usages: usages, ExpirationSeconds: seconds},
	}
	return object, validate(Decode(object))
}

// NewNodeRequest makes the request for the client certificate of a node, under
// the name that the kubelet gives it, so that both find each other's.
//
// Source: kubelet, TLS bootstrapping.
func NewNodeRequest(nodeName string, key crypto.Signer, random io.Reader) (*certificatesv1.CertificateSigningRequest, error) {
	if err := ValidateNodeName(nodeName); err != nil {
		return nil, err
	}
	return NewRequest(RequestSpec{Template: x509.CertificateRequest{Subject: NodeSubject(nodeName)}}, key, random)
}

// NodeSubject returns the subject of a node's certificates.
func NodeSubject(nodeName string) pkix.Name {
	return pkix.Name{CommonName: NodeUserPrefix + nodeName, Organization: []string{NodesGroup}}
}

// digestName returns the name of a request, as the kubelet makes it: a digest of
// the key, the subject and the usages, with a delimiter that none can contain.
func digestName(signer string, r *x509.CertificateRequest, usages []certificatesv1.KeyUsage) string {
	parts := append([]string{string(r.RawSubjectPublicKeyInfo), r.Subject.CommonName}, r.Subject.Organization...)
	for _, usage := range usages {
		parts = append(parts, string(usage))
	}
	encode := base64.RawURLEncoding.EncodeToString
	var stream []byte
	for _, part := range parts {
		stream = append(stream, encode([]byte(part))+"|"...)
	}
	sum := sha512.Sum512_256(stream)
	prefix := "csr-"
	if signer == certificatesv1.KubeAPIServerClientKubeletSignerName {
		prefix = "node-csr-"
	}
	return prefix + encode(sum[:])
}

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

// NodesGroup is the group of nodes, and NodeUserPrefix the prefix of their user names.
const (
	NodesGroup     = "system:nodes"
	NodeUserPrefix = "system:node:"
)

// Errors of creating and parsing CSRs.
var (
	// ErrInvalidNodeName means that a node cannot have this name.
	ErrInvalidNodeName = errors.New("invalid node name")
	// ErrInvalidRequest means that a text is not one PKCS#10 request in PEM, signed
	// with its own key.
	ErrInvalidRequest = errors.New("not a PKCS#10 certificate request")
	// ErrInvalidSAN means that a text is not a subject alternative name.
	ErrInvalidSAN = errors.New("not a DNS name, IP address, email address or URI")
	// ErrUnfit means that the API server or the signer would reject a CSR.
	ErrUnfit = errors.New("the CSR would not be signed")
)

// ValidateNodeName returns an error that matches ErrInvalidNodeName unless name is a DNS
// subdomain in lower case (RFC 1123), as node names are.
func ValidateNodeName(name string) error {
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return fmt.Errorf("%w: %q: it must have at most 253 characters, which are a-z, 0-9, dashes, and dots, and each part must begin and end with a letter or digit", ErrInvalidNodeName, name)
	}
	return nil
}

// RequestSpec describes the certificate to request.
type RequestSpec struct {
	// Template has the subject and the alternative names.
	Template x509.CertificateRequest
	// SignerName is the signer. Defaults to one of the kubelet's signers for a node,
	// and kube-apiserver-client for others.
	SignerName string
	// Usages are the requested usages. Defaults to those that the signer accepts.
	Usages []certificatesv1.KeyUsage
	// Expiration is the requested lifetime in whole seconds, which the signer may
	// shorten; 0 means the signer's default.
	Expiration time.Duration
}

// NewRequest returns a CSR whose name is derived from only the key, the subject and the
// usages, so that the same command finds its own CSR again. It returns an error that matches
// ErrUnfit if the API server or the signer would reject it.
func NewRequest(wanted RequestSpec, key crypto.Signer, random io.Reader) (*certificatesv1.CertificateSigningRequest, error) {
	der, err := x509.CreateCertificateRequest(random, &wanted.Template, key)
	if err != nil {
		return nil, fmt.Errorf("create a certificate request: %w", err)
	}
	return FromPKCS10(pem.EncodeToMemory(&pem.Block{Type: requestPEM, Bytes: der}), wanted)
}

// FromPKCS10 returns the CSR for a PKCS#10 request in PEM, with the other fields from
// wanted. It returns an error that matches ErrInvalidRequest or ErrUnfit.
func FromPKCS10(text []byte, wanted RequestSpec) (*certificatesv1.CertificateSigningRequest, error) {
	pkcs10, err := ParseRequest(text)
	if err != nil {
		return nil, err
	}
	signer := cmp.Or(wanted.SignerName, signerFor(pkcs10))
	if !isSignerName(signer) {
		return nil, fmt.Errorf("%w: %q is not a signer name, such as example.com/clients", ErrUnfit, signer)
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

// NewNodeRequest returns the CSR for a node's client certificate, with the name that the
// kubelet uses, so that each finds the other's CSR.
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

// digestName returns the name of a CSR as the kubelet derives it: a digest of the key, the
// subject and the usages, with a delimiter that none of them can contain.
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

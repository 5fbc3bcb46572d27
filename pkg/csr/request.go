package csr

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/bootctl/bootctl/internal/certpem"
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
)

// ValidateNodeName returns an error that matches ErrInvalidNodeName unless name
// is a DNS subdomain in lower case (RFC 1123), as names of nodes are.
func ValidateNodeName(name string) error {
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return fmt.Errorf("%w: %q: it must be up to 253 of a-z, 0-9, dashes and dots, with a letter or digit at both ends of each part", ErrInvalidNodeName, name)
	}
	return nil
}

// Spec is a request to be sent, and the key that it is for.
type Spec struct {
	Object *certificatesv1.CertificateSigningRequest
	Key    crypto.Signer
}

// NewNodeRequest makes the request for the client certificate of a node, under
// the name that the kubelet gives it, so that both find each other's.
//
// Source: kubelet, TLS bootstrapping.
func NewNodeRequest(nodeName string, key crypto.Signer, random io.Reader) (Spec, error) {
	if err := ValidateNodeName(nodeName); err != nil {
		return Spec{}, err
	}
	subject := pkix.Name{CommonName: NodeUserPrefix + nodeName, Organization: []string{NodesGroup}}
	der, err := x509.CreateCertificateRequest(random, &x509.CertificateRequest{Subject: subject}, key)
	if err != nil {
		return Spec{}, fmt.Errorf("make a certificate request: %w", err)
	}
	usages := nodeUsages(key.Public())
	name, err := digestName(key.Public(), subject, usages)
	if err != nil {
		return Spec{}, err
	}
	return Spec{Key: key, Object: &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pem.EncodeToMemory(&pem.Block{Type: requestPEM, Bytes: der}),
			SignerName: certificatesv1.KubeAPIServerClientKubeletSignerName,
			Usages:     usages,
		},
	}}, nil
}

const requestPEM = "CERTIFICATE REQUEST"

// nodeUsages returns the usages in the kubelet's order, which the name of the
// request depends on.
func nodeUsages(publicKey any) []certificatesv1.KeyUsage {
	usages := []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth}
	if _, ok := publicKey.(*rsa.PublicKey); ok {
		usages = append(usages, certificatesv1.UsageKeyEncipherment)
	}
	return usages
}

// digestName returns the name that the kubelet gives to a request: a digest of
// the key, the subject and the usages, with a delimiter that none can contain.
func digestName(publicKey any, subject pkix.Name, usages []certificatesv1.KeyUsage) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(publicKey)
	if err != nil {
		return "", fmt.Errorf("name a request: %w", err)
	}
	parts := append([]string{string(der), subject.CommonName}, subject.Organization...)
	for _, usage := range usages {
		parts = append(parts, string(usage))
	}
	encode := base64.RawURLEncoding.EncodeToString
	var stream strings.Builder
	for _, part := range parts {
		stream.WriteString(encode([]byte(part)) + "|")
	}
	sum := sha512.Sum512_256([]byte(stream.String()))
	return "node-csr-" + encode(sum[:]), nil
}

// ParseRequest reads one certificate request in PEM, with no headers and
// nothing around it, and checks that its own key signed it. It returns an error
// that matches ErrInvalidRequest.
func ParseRequest(text []byte) (*x509.CertificateRequest, error) {
	der, rest, err := certpem.Next(text, requestPEM)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%w: there is something after its PEM block", ErrInvalidRequest)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	return request, nil
}

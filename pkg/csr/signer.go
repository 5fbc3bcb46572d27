package csr

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/util/sets"
)

// The signers of Kubernetes.
const (
	KubeletClient   = certificatesv1.KubeAPIServerClientKubeletSignerName
	KubeletServing  = certificatesv1.KubeletServingSignerName
	APIServerClient = certificatesv1.KubeAPIServerClientSignerName
)

// Outcome is what the signer does with a CSR once it is approved.
type Outcome string

// The outcomes.
const (
	// OutcomeIssued means that the signer issues the certificate.
	OutcomeIssued Outcome = "issued"
	// OutcomeFailed means that the signer marks the CSR as failed.
	OutcomeFailed Outcome = "failed"
	// OutcomeNeverSigned means that no signer exists for the CSR.
	OutcomeNeverSigned Outcome = "never-signed"
	// OutcomeUnknown means that the signer is not part of Kubernetes.
	OutcomeUnknown Outcome = "unknown"
)

// Predict returns what the CSR's signer will do with it when it is approved, and why. For
// the signers of Kubernetes it follows their code.
//
// Source: Kubernetes documentation, "Kubernetes signers"; the controller
// csrsigning.
func Predict(r Request) (outcome Outcome, reason string) {
	if r.PKCS10 == nil {
		return OutcomeFailed, "the CSR cannot be parsed"
	}
	signer, known := signers[r.SignerName]
	switch {
	case !known && strings.HasPrefix(r.SignerName, "kubernetes.io/"):
		return OutcomeNeverSigned, "Kubernetes has no signer with this name"
	case !known:
		return OutcomeUnknown, "the signer is not part of Kubernetes"
	}
	if reason := signer.problem(r); reason != "" {
		return OutcomeFailed, reason
	}
	return OutcomeIssued, ""
}

// signers are the signers of Kubernetes: the usage that they sign for, and the reason why
// they would fail a CSR.
var signers = map[string]struct {
	auth    certificatesv1.KeyUsage
	problem func(Request) string
}{
	KubeletClient:   {certificatesv1.UsageClientAuth, kubeletProblem},
	KubeletServing:  {certificatesv1.UsageServerAuth, kubeletProblem},
	APIServerClient: {certificatesv1.UsageClientAuth, ClientProblem},
}

// kubeletProblem returns why a signer for kubelets would fail the CSR; empty if it would
// not.
func kubeletProblem(r Request) string {
	auth, isServing := "client auth", r.SignerName == KubeletServing
	if isServing {
		auth = "server auth"
	}
	addresses, others := len(r.PKCS10.DNSNames)+len(r.PKCS10.IPAddresses), len(r.PKCS10.EmailAddresses)+len(r.PKCS10.URIs)
	switch {
	case !slices.Equal(r.PKCS10.Subject.Organization, []string{NodesGroup}):
		return "the only organization must be " + NodesGroup
	case !strings.HasPrefix(r.PKCS10.Subject.CommonName, NodeUserPrefix):
		return "the common name must begin with " + NodeUserPrefix
	case !isServing && addresses+others > 0:
		return "subject alternative names are not allowed"
	case isServing && addresses == 0:
		return "a DNS name or an IP address is required"
	case isServing && others > 0:
		return "email addresses and URIs are not allowed"
	case !sets.New(r.Usages...).Delete("key encipherment").Equal(sets.New("digital signature", auth)):
		return "the usages must be " + auth + ", digital signature and, for RSA, key encipherment"
	}
	return ""
}

// ClientProblem returns why the signer kubernetes.io/kube-apiserver-client would fail the
// CSR; empty if it would not.
func ClientProblem(r Request) string {
	for _, usage := range r.Usages {
		if !slices.Contains([]string{"client auth", "digital signature", "key encipherment"}, usage) {
			return fmt.Sprintf("the usage %q is not for clients", usage)
		}
	}
	if !slices.Contains(r.Usages, "client auth") {
		return "the usage client auth is missing"
	}
	return ""
}

// signerFor returns the signer of Kubernetes for the requested certificate.
func signerFor(r *x509.CertificateRequest) string {
	switch {
	case !strings.HasPrefix(r.Subject.CommonName, NodeUserPrefix):
		return APIServerClient
	case len(r.DNSNames)+len(r.IPAddresses) > 0:
		return KubeletServing
	}
	return KubeletClient
}

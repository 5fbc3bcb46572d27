package csr

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	certificatesv1beta1 "k8s.io/api/certificates/v1beta1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Signers of Kubernetes.
const (
	KubeletClient   = certificatesv1.KubeAPIServerClientKubeletSignerName
	KubeletServing  = certificatesv1.KubeletServingSignerName
	APIServerClient = certificatesv1.KubeAPIServerClientSignerName
)

// Outcome is what becomes of a request once it is approved.
type Outcome string

// The outcomes.
const (
	// OutcomeIssued means that the signer issues the certificate.
	OutcomeIssued Outcome = "issued"
	// OutcomeFailed means that the signer fails the request.
	OutcomeFailed Outcome = "failed"
	// OutcomeNeverSigned means that no signer of Kubernetes takes it, ever.
	OutcomeNeverSigned Outcome = "unsigned"
	// OutcomeUnknown means that it is up to a signer that is not Kubernetes' own.
	OutcomeUnknown Outcome = "unknown"
)

// Predict returns what the signer of the request will do with it when it is
// approved, and why: for the signers of Kubernetes, what their own code does.
//
// Source: Kubernetes documentation, "Kubernetes signers"; the controller
// csrsigning.
func Predict(r Request) (outcome Outcome, reason string) {
	if r.PKCS10 == nil {
		return OutcomeFailed, "it cannot be read"
	}
	signer, known := signers[r.SignerName]
	switch {
	case !known && strings.HasPrefix(r.SignerName, "kubernetes.io/"):
		return OutcomeNeverSigned, "Kubernetes has no signer of this name"
	case !known:
		return OutcomeUnknown, "this signer is not one of Kubernetes"
	}
	if reason := signer.problem(r); reason != "" {
		return OutcomeFailed, reason
	}
	return OutcomeIssued, ""
}

// signers are those of Kubernetes: what they sign for, and why they would fail a CSR.
var signers = map[string]struct {
	auth    certificatesv1.KeyUsage
	problem func(Request) string
}{
	KubeletClient:   {certificatesv1.UsageClientAuth, KubeletClientProblem},
	KubeletServing:  {certificatesv1.UsageServerAuth, kubeletServingProblem},
	APIServerClient: {certificatesv1.UsageClientAuth, ClientProblem},
}

// KubeletClientProblem returns why the signer kubernetes.io/kube-apiserver-client-kubelet
// would fail the CSR; empty when it would not.
func KubeletClientProblem(r Request) string {
	names := ""
	if len(r.SANs()) > 0 {
		names = "subject alternative names are not allowed"
	}
	return kubeletProblem(r, names, "client auth")
}

func kubeletServingProblem(r Request) string {
	names := ""
	switch {
	case len(r.PKCS10.DNSNames)+len(r.PKCS10.IPAddresses) == 0:
		names = "it needs a DNS name or an IP address"
	case len(r.PKCS10.EmailAddresses)+len(r.PKCS10.URIs) > 0:
		names = "email addresses and URIs are not allowed"
	}
	return kubeletProblem(r, names, "server auth")
}

// kubeletProblem returns the first problem: with the subject, the names or the usages.
func kubeletProblem(r Request, names, auth string) string {
	usages := sets.New(r.Usages...).Delete("key encipherment")
	switch {
	case !slices.Equal(r.PKCS10.Subject.Organization, []string{NodesGroup}):
		return "the organization must be " + NodesGroup + " alone"
	case !strings.HasPrefix(r.PKCS10.Subject.CommonName, NodeUserPrefix):
		return "the common name must begin with " + NodeUserPrefix
	case names != "":
		return names
	case !usages.Equal(sets.New("digital signature", auth)):
		return "the usages must be " + auth + ", digital signature and, for RSA, key encipherment"
	}
	return ""
}

// ClientProblem returns why the signer kubernetes.io/kube-apiserver-client would fail the
// CSR; empty when it would not.
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

// signerFor returns the signer of Kubernetes for what is asked for.
func signerFor(r *x509.CertificateRequest) string {
	switch {
	case !strings.HasPrefix(r.Subject.CommonName, NodeUserPrefix):
		return APIServerClient
	case len(r.DNSNames)+len(r.IPAddresses) > 0:
		return KubeletServing
	}
	return KubeletClient
}

// usagesFor returns the usages that a signer of Kubernetes takes, in the order
// of the kubelet, which the name of the request depends on.
func usagesFor(signerName string, publicKey any) ([]certificatesv1.KeyUsage, error) {
	signer, known := signers[signerName]
	if !known {
		return nil, fmt.Errorf("%w: the usages that %q takes are not known; give them", ErrUnfit, signerName)
	}
	usages := []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, signer.auth}
	if _, ok := publicKey.(*rsa.PublicKey); ok {
		usages = append(usages, certificatesv1.UsageKeyEncipherment)
	}
	return usages, nil
}

// minExpiration is the shortest lifetime that the API server takes.
const minExpiration = 10 * time.Minute

// expirationSeconds is nil for a lifetime of 0, which is left to the signer.
func expirationSeconds(lifetime time.Duration) (*int32, error) {
	if lifetime == 0 {
		return nil, nil
	}
	if lifetime < minExpiration || lifetime%time.Second != 0 || lifetime > math.MaxInt32*time.Second {
		return nil, fmt.Errorf("%w: a lifetime of %s: it must be whole seconds, from %s on", ErrUnfit, lifetime, minExpiration)
	}
	return new(int32(lifetime / time.Second)), nil
}

// validate returns an error that matches ErrUnfit when the API server refuses the
// request, or its signer fails it, so that nobody waits for that.
func validate(r Request) error {
	problem := ""
	switch outcome, reason := Predict(r); {
	case r.Problem != "":
		problem = r.Problem
	case r.SignerName == certificatesv1beta1.LegacyUnknownSignerName:
		problem = r.SignerName + " is not allowed any more"
	case usageProblem(r.Usages) != "":
		problem = usageProblem(r.Usages)
	case outcome == OutcomeFailed, outcome == OutcomeNeverSigned:
		problem = reason
	case r.SignerName == APIServerClient && slices.Contains(r.PKCS10.Subject.Organization, "system:masters"):
		problem = "the API server admits nobody to system:masters this way"
	case r.SignerName != APIServerClient && r.NodeName() != "" && ValidateNodeName(r.NodeName()) != nil:
		return ValidateNodeName(r.NodeName())
	case !IsStrong(r.PKCS10.PublicKey):
		problem = "its key is weak: " + KeyType(r.PKCS10.PublicKey)
	}
	if problem != "" {
		return fmt.Errorf("%w by %s: %s", ErrUnfit, r.SignerName, problem)
	}
	return nil
}

// isSignerName wants a domain with a dot in it and a path of one part, as the API server
// does.
func isSignerName(name string) bool {
	domain, path, _ := strings.Cut(name, "/")
	return len(validation.IsDNS1123Subdomain(domain)) == 0 && strings.Contains(domain, ".") &&
		len(validation.IsDNS1123Subdomain(path)) == 0
}

func usageProblem(usages []string) string {
	for i, usage := range usages {
		if !slices.Contains(knownUsages, certificatesv1.KeyUsage(usage)) {
			return fmt.Sprintf("there is no usage %q", usage)
		}
		if slices.Contains(usages[:i], usage) {
			return fmt.Sprintf("the usage %q stands there twice", usage)
		}
	}
	return ""
}

// knownUsages are those that the API server takes.
var knownUsages = []certificatesv1.KeyUsage{
	certificatesv1.UsageSigning, certificatesv1.UsageDigitalSignature, certificatesv1.UsageContentCommitment,
	certificatesv1.UsageKeyEncipherment, certificatesv1.UsageKeyAgreement, certificatesv1.UsageDataEncipherment,
	certificatesv1.UsageCertSign, certificatesv1.UsageCRLSign, certificatesv1.UsageEncipherOnly,
	certificatesv1.UsageDecipherOnly, certificatesv1.UsageAny, certificatesv1.UsageServerAuth,
	certificatesv1.UsageClientAuth, certificatesv1.UsageCodeSigning, certificatesv1.UsageEmailProtection,
	certificatesv1.UsageSMIME, certificatesv1.UsageIPsecEndSystem, certificatesv1.UsageIPsecTunnel,
	certificatesv1.UsageIPsecUser, certificatesv1.UsageTimestamping, certificatesv1.UsageOCSPSigning,
	certificatesv1.UsageMicrosoftSGC, certificatesv1.UsageNetscapeSGC,
}

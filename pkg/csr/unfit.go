package csr

import (
	"crypto/rsa"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	certificatesv1beta1 "k8s.io/api/certificates/v1beta1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// minExpiration is the shortest lifetime that the API server accepts.
const minExpiration = 10 * time.Minute

// expirationSeconds returns nil for a lifetime of 0, which means the signer's default.
func expirationSeconds(lifetime time.Duration) (*int32, error) {
	if lifetime == 0 {
		return nil, nil
	}
	if lifetime < minExpiration || lifetime%time.Second != 0 || lifetime > math.MaxInt32*time.Second {
		return nil, fmt.Errorf("%w: a lifetime of %s: it must be whole seconds, and at least %s", ErrUnfit, lifetime, minExpiration)
	}
	return new(int32(lifetime / time.Second)), nil
}

// validate returns an error that matches ErrUnfit if the API server would reject the CSR, or
// its signer would fail it, before anyone waits for it.
func validate(r Request) error {
	problem := ""
	switch outcome, reason := Predict(r); {
	case r.Problem != "":
		problem = r.Problem
	case r.SignerName == certificatesv1beta1.LegacyUnknownSignerName:
		problem = r.SignerName + " is no longer allowed"
	case usageProblem(r.Usages) != "":
		problem = usageProblem(r.Usages)
	case outcome == OutcomeFailed, outcome == OutcomeNeverSigned:
		problem = reason
	case r.SignerName == APIServerClient && slices.Contains(r.PKCS10.Subject.Organization, "system:masters"):
		problem = "the API server does not allow the organization system:masters"
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

// isSignerName reports whether name is a domain with a dot in it and a path of one part, as
// the API server requires.
func isSignerName(name string) bool {
	domain, path, _ := strings.Cut(name, "/")
	return len(validation.IsDNS1123Subdomain(domain)) == 0 && strings.Contains(domain, ".") &&
		len(validation.IsDNS1123Subdomain(path)) == 0
}

// usagesFor returns the usages that a signer of Kubernetes accepts, in the kubelet's order,
// on which the name of the CSR depends.
func usagesFor(signerName string, publicKey any) ([]certificatesv1.KeyUsage, error) {
	signer, known := signers[signerName]
	if !known {
		return nil, fmt.Errorf("%w: the usages that %q accepts are unknown; specify them", ErrUnfit, signerName)
	}
	usages := []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, signer.auth}
	if _, ok := publicKey.(*rsa.PublicKey); ok {
		usages = append(usages, certificatesv1.UsageKeyEncipherment)
	}
	return usages, nil
}

func usageProblem(usages []string) string {
	for i, usage := range usages {
		if !slices.Contains(knownUsages, certificatesv1.KeyUsage(usage)) {
			return fmt.Sprintf("unknown usage %q", usage)
		}
		if slices.Contains(usages[:i], usage) {
			return fmt.Sprintf("the usage %q is listed twice", usage)
		}
	}
	return ""
}

// knownUsages are the usages that the API server accepts.
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

package csr

import (
	"crypto/rsa"
	"fmt"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
)

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

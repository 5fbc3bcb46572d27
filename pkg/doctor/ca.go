package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	certutil "k8s.io/client-go/util/cert"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// ca checks the CA certificates in cluster-info.
func (c *clusterChecker) ca(_ context.Context, document clusterinfo.Document) []Finding {
	fix := "bootctl cluster-info publish --endpoint " + document.Server.URL()
	if len(c.CAs) == 0 || checkValidity(c.CAs, c.now()).expiresSoon {
		fix = "renew the cluster's CA, then: " + fix + " --ca-file FILE"
	}
	return checkValidity(document.CAs, c.now()).findings("cluster-info", CAExpired, CAExpiresSoon, fix)
}

// clientCA checks the CA certificates with which the API server verifies nodes.
func (c *clusterChecker) clientCA(_ context.Context, cas []*x509.Certificate) []Finding {
	if len(cas) == 0 {
		return skip("the API server publishes no client CA")
	}
	return checkValidity(cas, c.now()).findings("the API server's --client-ca-file", CAExpired, CAExpiresSoon,
		"renew the CA certificate in the API server's --client-ca-file with the same key, or add a new CA to that file; or, if the CA is no longer in that file, delete the ConfigMap, which the API server then creates again: kubectl -n kube-system delete configmap extension-apiserver-authentication")
}

// signingCA checks the CA that signs node certificates, if the newest node certificate
// shows which CA that is.
func (c *clusterChecker) signingCA(_ context.Context, cas []*x509.Certificate, stats *requestStats) []Finding {
	switch {
	case len(cas) == 0:
		return skip("the API server publishes no client CA")
	case len(stats.issued.Certificate) == 0:
		return skip("no node certificate was issued recently; use --probe to test the signer")
	}
	issuers := issuersOf(stats.issued.Certificate, cas)
	if len(issuers) == 0 {
		return one(WARN, SigningCAUntrusted, "no CA in the API server's --client-ca-file signed the newest node certificate, of CSR "+stats.issued.Name,
			"add the CA in kube-controller-manager's --cluster-signing-cert-file to the API server's --client-ca-file; then, to test it with a new CSR, run: bootctl doctor --probe")
	}
	return checkValidity(issuers, c.now()).findings("the CA that signed the newest node certificate", SigningCAExpired, SigningCAExpiresSoon,
		"renew the certificate in kube-controller-manager's --cluster-signing-cert-file; then, to test it with a new CSR, run: bootctl doctor --probe")
}

// expiryWarning is how long before its expiry a CA certificate is reported: a new one
// takes time to reach all nodes.
const expiryWarning = 30 * 24 * time.Hour

// validity is the remaining validity of several CA certificates.
type validity struct {
	// allInvalid: no certificate is valid now. anyInvalid: at least one is not.
	// expiresSoon: at least one is invalid, or expires within expiryWarning.
	allInvalid, anyInvalid, expiresSoon bool
	// details describe each certificate that is invalid or expires soon, or, if there is
	// none, the one that expires first.
	details []string
}

// checkValidity returns the validity of the CA certificates of a bundle, which has at
// least one.
func checkValidity(cas []*x509.Certificate, now time.Time) validity {
	v := validity{allInvalid: true}
	for _, ca := range cas {
		problem := clusterinfo.ValidityProblem(ca, now)
		v.allInvalid = v.allInvalid && problem != ""
		v.anyInvalid = v.anyInvalid || problem != ""
		if problem == "" && ca.NotAfter.Sub(now) < expiryWarning {
			problem = expiry(ca)
		}
		if problem != "" {
			v.details = append(v.details, nameOf(ca)+" "+problem)
		}
	}
	if v.expiresSoon = len(v.details) > 0; !v.expiresSoon {
		first := slices.MinFunc(cas, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		v.details = []string{nameOf(first) + " " + expiry(first)}
	}
	return v
}

// findings reports the remaining validity of the CA certificates.
func (v validity) findings(whose, expired, soon, fix string) []Finding {
	message := fmt.Sprintf("%s: %s", whose, strings.Join(v.details, ", "))
	switch {
	case v.allInvalid:
		return one(FAIL, expired, message, fix)
	case v.anyInvalid:
		return one(WARN, expired, message, fix)
	case v.expiresSoon:
		return one(WARN, soon, message, fix)
	}
	return ok("%s", message)
}

func expiry(ca *x509.Certificate) string { return "expires at " + timeText(ca.NotAfter) }

// nameOf returns the subject of a certificate and the beginning of its pin, which
// differs between certificates with the same subject.
func nameOf(cert *x509.Certificate) string {
	return fmt.Sprintf("%s (%.15s…)", cert.Subject, clusterinfo.PinOf(cert))
}

// clientCAs returns the CA certificates with which the API server verifies its clients;
// none if it publishes none.
//
// Access: get on the configmap extension-apiserver-authentication in kube-system.
func clientCAs(ctx context.Context, client corev1client.ConfigMapsGetter) ([]*x509.Certificate, error) {
	const name = "extension-apiserver-authentication"
	cm, err := client.ConfigMaps(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get configmap kube-system/%s: %w", name, err)
	}
	bundle := cm.Data["client-ca-file"]
	if bundle == "" {
		return nil, nil
	}
	cas, err := certutil.ParseCertsPEM([]byte(bundle)) // which may contain comments
	if err != nil {
		return nil, fmt.Errorf("configmap kube-system/%s: %w", name, err)
	}
	return cas, nil
}

// issuersOf returns the CA certificates that issued a certificate, given in PEM with any
// intermediate certificates: their key signed the last one. There can be several issuers,
// because a renewed CA keeps its key.
func issuersOf(text []byte, cas []*x509.Certificate) []*x509.Certificate {
	certs, err := certpem.Parse(text)
	if err != nil {
		return nil
	}
	last := certs[len(certs)-1]
	return slices.DeleteFunc(slices.Clone(cas), func(ca *x509.Certificate) bool {
		return !last.Equal(ca) && last.CheckSignatureFrom(ca) != nil
	})
}

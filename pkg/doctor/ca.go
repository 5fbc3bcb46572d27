package clusterinfo

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	certutil "k8s.io/client-go/util/cert"
)

// soon is how long before its end a CA certificate is spoken of: a new one takes
// time to reach all nodes.
const soon = 30 * 24 * time.Hour

// Term is what is left of the time of several CA certificates.
type Term struct {
	// Spent says that none of them is valid now, Expired that one is not, and Ends
	// that one is not, or not for 30 more days.
	Spent, Expired, Ends bool
	// Words tell of each that is not valid, or will soon not be, else of the one that
	// ends first.
	Words []string
}

// TermOf judges the CA certificates of a bundle, one at least.
func TermOf(cas []*x509.Certificate, now time.Time) Term {
	term := Term{Spent: true}
	first := cas[0]
	for _, ca := range cas {
		problem := untimely(ca, now)
		if problem == "" {
			term.Spent = false
		} else {
			term.Expired = true
		}
		if problem == "" && ca.NotAfter.Sub(now) < soon {
			problem = ends(ca)
		}
		if problem != "" {
			term.Ends = true
			term.Words = append(term.Words, nameOf(ca)+" "+problem)
		}
		if ca.NotAfter.Before(first.NotAfter) {
			first = ca
		}
	}
	if !term.Ends {
		term.Words = []string{nameOf(first) + " " + ends(first)}
	}
	return term
}

func ends(ca *x509.Certificate) string { return "ends at " + ca.NotAfter.UTC().Format(time.RFC3339) }

// nameOf is the subject of a certificate and the beginning of its pin, by which
// those of one subject differ.
func nameOf(cert *x509.Certificate) string {
	return fmt.Sprintf("%s (%.15s…)", cert.Subject, PinOf(cert))
}

// ClientCAs returns the CA certificates by which the API server knows its clients;
// none where it publishes none.
//
// Access: get on the configmap extension-apiserver-authentication in kube-system.
func ClientCAs(ctx context.Context, client corev1client.ConfigMapsGetter) ([]*x509.Certificate, error) {
	const name = "extension-apiserver-authentication"
	cm, err := client.ConfigMaps(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get configmap kube-system/%s: %w", name, err)
	}
	bundle := cm.Data["client-ca-file"]
	if bundle == "" {
		return nil, nil
	}
	cas, err := certutil.ParseCertsPEM([]byte(bundle)) // which may hold comments
	if err != nil {
		return nil, fmt.Errorf("configmap kube-system/%s: %w", name, err)
	}
	return cas, nil
}

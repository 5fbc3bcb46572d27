package doctor

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
)

// testTime is the time of these tests.
var testTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestCheckValidity(t *testing.T) {
	const day = 24 * time.Hour
	between := func(from, until time.Duration) *x509.Certificate {
		return testca.New(t, testTime, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = testTime.Add(from), testTime.Add(until) }).Certificate
	}
	good, soon, expired, early := between(-day, 31*day), between(-day, 29*day), between(-2*day, -day), between(day, 365*day)
	tests := []struct {
		name string
		cas  []*x509.Certificate
		want validity // the details in part
	}{
		{"good", []*x509.Certificate{good}, validity{false, false, false, []string{"CN=kubernetes (sha256:", "expires at 2026-02-01"}}},
		{"the first to expire", []*x509.Certificate{between(-day, 365*day), good}, validity{false, false, false, []string{"expires at 2026-02-01"}}},
		{"expires soon", []*x509.Certificate{good, soon}, validity{false, false, true, []string{"expires at 2026-01-30"}}},
		{"one has expired", []*x509.Certificate{expired, good}, validity{false, true, true, []string{"expired at 2025-12-31"}}},
		{"all have expired", []*x509.Certificate{expired, expired}, validity{true, true, true, []string{"expired at 2025-12-31"}}},
		{"not valid yet", []*x509.Certificate{early}, validity{true, true, true, []string{"not valid before 2026-01-02"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := checkValidity(test.cas, testTime)
			if got.allInvalid != test.want.allInvalid || got.anyInvalid != test.want.anyInvalid || got.expiresSoon != test.want.expiresSoon {
				t.Errorf("validity %+v, want %+v", got, test.want)
			}
			for _, detail := range test.want.details {
				if !strings.Contains(strings.Join(got.details, "\n"), detail) {
					t.Errorf("%q lacks %q", got.details, detail)
				}
			}
		})
	}
}

func TestClientCAs(t *testing.T) {
	ca := testca.New(t, testTime)
	configMap := func(data map[string]string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "extension-apiserver-authentication"}, Data: data}
	}
	text := string(certpem.Encode(ca.Certificate))
	for name, data := range map[string]map[string]string{"bundle": {"client-ca-file": text}, "comments": {"client-ca-file": "# our CA\n" + text}} {
		got, err := clientCAs(t.Context(), fake.NewClientset(configMap(data)).CoreV1())
		if err != nil || len(got) != 1 || !got[0].Equal(ca.Certificate) {
			t.Errorf("%s: %d CAs, %v", name, len(got), err)
		}
	}
	if got, err := clientCAs(t.Context(), fake.NewClientset(configMap(nil)).CoreV1()); err != nil || got != nil {
		t.Errorf("none: %v, %v", got, err)
	}
	if _, err := clientCAs(t.Context(), fake.NewClientset(configMap(map[string]string{"client-ca-file": "x"})).CoreV1()); err == nil {
		t.Error("an invalid certificate is accepted")
	}
	if _, err := clientCAs(t.Context(), fake.NewClientset().CoreV1()); !apierrors.IsNotFound(err) {
		t.Errorf("error = %v", err)
	}
}

func TestIssuersOf(t *testing.T) {
	issuer, other := testca.New(t, testTime), testca.New(t, testTime)
	text := certpem.Encode(issuer.Serving(t, testTime).Leaf)
	got := issuersOf(text, []*x509.Certificate{other.Certificate, issuer.Certificate})
	if len(got) != 1 || !got[0].Equal(issuer.Certificate) {
		t.Errorf("%d issuers, want only the issuer", len(got))
	}
	if got := issuersOf([]byte("x"), []*x509.Certificate{issuer.Certificate}); got != nil {
		t.Errorf("issuers of an invalid certificate: %v", got)
	}
}

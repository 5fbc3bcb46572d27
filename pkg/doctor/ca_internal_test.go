package clusterinfo_test

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
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

func TestTermOf(t *testing.T) {
	const day = 24 * time.Hour
	between := func(from, until time.Duration) *x509.Certificate {
		return newCA(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(from), now.Add(until) }).Certificate
	}
	good, soon, over, early := between(-day, 31*day), between(-day, 29*day), between(-2*day, -day), between(day, 365*day)
	tests := []struct {
		name                 string
		cas                  []*x509.Certificate
		spent, expired, ends bool
		words                []string
	}{
		{"good", []*x509.Certificate{good}, false, false, false, []string{"CN=kubernetes (sha256:", "ends at 2026-02-01"}},
		{"the first to end is told", []*x509.Certificate{between(-day, 365*day), good}, false, false, false, []string{"ends at 2026-02-01"}},
		{"ends soon", []*x509.Certificate{good, soon}, false, false, true, []string{"ends at 2026-01-30"}},
		{"one is over", []*x509.Certificate{over, good}, false, true, true, []string{"expired at 2025-12-31"}},
		{"all are over", []*x509.Certificate{over, over}, true, true, true, []string{"expired at 2025-12-31"}},
		{"not valid yet", []*x509.Certificate{early}, true, true, true, []string{"not valid before 2026-01-02"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := clusterinfo.TermOf(test.cas, now)
			if got.Spent != test.spent || got.Expired != test.expired || got.Ends != test.ends {
				t.Errorf("TermOf = %+v", got)
			}
			for _, word := range test.words {
				if !strings.Contains(strings.Join(got.Words, "\n"), word) {
					t.Errorf("%q lacks %q", got.Words, word)
				}
			}
		})
	}
}

func TestClientCAs(t *testing.T) {
	ca := newCA(t)
	configMap := func(data map[string]string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "extension-apiserver-authentication"}, Data: data}
	}
	text := string(certpem.Encode(ca.Certificate))
	for name, data := range map[string]map[string]string{"bundle": {"client-ca-file": text}, "comments": {"client-ca-file": "# ours\n" + text}} {
		got, err := clusterinfo.ClientCAs(t.Context(), fake.NewClientset(configMap(data)).CoreV1())
		if err != nil || len(got) != 1 || !got[0].Equal(ca.Certificate) {
			t.Errorf("%s: %d CAs, %v", name, len(got), err)
		}
	}
	if got, err := clusterinfo.ClientCAs(t.Context(), fake.NewClientset(configMap(nil)).CoreV1()); err != nil || got != nil {
		t.Errorf("none: %v, %v", got, err)
	}
	if _, err := clusterinfo.ClientCAs(t.Context(), fake.NewClientset(configMap(map[string]string{"client-ca-file": "x"})).CoreV1()); err == nil {
		t.Error("what is no certificate passes for one")
	}
	if _, err := clusterinfo.ClientCAs(t.Context(), fake.NewClientset().CoreV1()); !apierrors.IsNotFound(err) {
		t.Errorf("error = %v", err)
	}
}

package clusterinfo_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

func TestStalledControllers(t *testing.T) {
	signed := map[string]string{"abcdef": golden}
	aged := func(age time.Duration, changes ...func(*corev1.Secret)) []token.Info {
		secret := secretOf(t, "abcdef")
		secret.CreationTimestamp = metav1.Time{Time: testcluster.Now.Add(-age)}
		for _, change := range changes {
			change(secret)
		}
		return []token.Info{token.Read(secret)}
	}
	expired := func(text string) func(*corev1.Secret) {
		return func(s *corev1.Secret) { s.Data["expiration"] = []byte(text) }
	}
	tests := []struct {
		name       string
		signatures map[string]string
		tokens     []token.Info
		want       []string
	}{
		{"signed", signed, aged(time.Hour), nil},
		{"not signed yet", nil, aged(10 * time.Second), nil},
		{"not signed", nil, aged(11 * time.Second), []string{clusterinfo.Signer}},
		{"stale", map[string]string{"abcdef": golden + "x"}, aged(time.Hour), []string{clusterinfo.Signer}},
		{"not for signing", nil, aged(time.Hour, func(s *corev1.Secret) { delete(s.Data, "usage-bootstrap-signing") }), nil},
		{"expired a moment ago", nil, aged(time.Hour, expired("2025-12-31T23:59:50Z")), nil},
		{"expired", nil, aged(time.Hour, expired("2025-12-31T23:59:49Z")), []string{clusterinfo.Cleaner}},
		{"both", nil, append(aged(time.Hour), aged(time.Hour, expired("2025-12-31T00:00:00Z"))...), []string{clusterinfo.Signer, clusterinfo.Cleaner}},
		{"a node's view, signed", signed, nil, nil},
		{"a node's view, no signature", nil, nil, []string{clusterinfo.Signer}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info := clusterinfo.Info{Raw: []byte("hello"), Signatures: test.signatures}
			got := clusterinfo.StalledControllers(info, test.tokens, testcluster.Now)
			if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, test.want) {
				t.Errorf("stalled %v, want %v", names, test.want)
			}
			for name, text := range got {
				if !strings.Contains(text, name) {
					t.Errorf("%q does not name the controller %s", text, name)
				}
			}
		})
	}
}

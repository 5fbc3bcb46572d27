package doctor

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// The signer has some time before a missing or orphaned signature is reported.
func TestExcludeRecent(t *testing.T) {
	tok, err := token.Parse("abcdef.qk3v8x5m2p7r9t4w")
	if err != nil {
		t.Fatal(err)
	}
	created := func(ago time.Duration, changes ...func(*corev1.Secret)) []token.Info {
		secret := token.Spec{Token: tok, Usages: []string{token.Signing}}.Secret()
		secret.CreationTimestamp = metav1.Time{Time: testTime.Add(-ago)}
		for _, change := range changes {
			change(secret)
		}
		return []token.Info{token.Read(secret)}
	}
	expired := func(ago time.Duration) func(*corev1.Secret) {
		return func(s *corev1.Secret) { s.Data["expiration"] = []byte(testTime.Add(-ago).Format(time.RFC3339)) }
	}
	tests := []struct {
		name   string
		tokens []token.Info
		state  string
		stays  bool
	}{
		{"missing of a young token", created(10 * time.Second), clusterinfo.Missing, false},
		{"missing", created(11 * time.Second), clusterinfo.Missing, true},
		{"stale of a young token", created(time.Second), clusterinfo.Stale, true},
		{"malformed of a young token", created(time.Second), clusterinfo.Malformed, true},
		{"orphan of a token that just expired", created(time.Hour, expired(10*time.Second)), clusterinfo.Orphan, false},
		{"orphan of a token that expired", created(time.Hour, expired(11*time.Second)), clusterinfo.Orphan, true},
		{"orphan of no token", nil, clusterinfo.Orphan, true},
		{"valid", created(time.Second), clusterinfo.Valid, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			states := []clusterinfo.SignatureState{{TokenID: "abcdef", State: test.state}}
			if got := excludeRecent(states, test.tokens, testTime); (len(got) == 1) != test.stays {
				t.Errorf("states %v", got)
			}
			if states[0].State != test.state {
				t.Error("the argument was changed")
			}
		})
	}
}

func TestRemaining(t *testing.T) {
	capacity := clusterinfo.Info{}.Capacity()
	// small returns a cluster-info that has room for so many signatures.
	small := func(room int) clusterinfo.Info {
		info, err := clusterinfo.ParseFile([]byte(`{"kind":"ConfigMap","data":{"kubeconfig":"` + strings.Repeat("x", (capacity-room)*85) + `"}}`))
		if err != nil || info.Capacity() != room {
			t.Fatalf("room for %d, error %v", info.Capacity(), err)
		}
		return info
	}
	tests := []struct {
		name    string
		info    clusterinfo.Info
		signing int
		left    int
		few     bool
	}{
		{"empty", clusterinfo.Info{}, 0, capacity, false},
		{"nine tenths", clusterinfo.Info{}, capacity - (capacity+9)/10, (capacity + 9) / 10, false},
		{"more", clusterinfo.Info{}, capacity - capacity/11, capacity / 11, true},
		{"full", clusterinfo.Info{}, capacity, 0, true},
		{"more than full", clusterinfo.Info{}, capacity + 1, 0, true},
		{"small, ten left", small(20), 10, 10, false},
		{"small, nine left", small(20), 11, 9, true},
		{"of three, one is left", small(3), 2, 1, true},
		{"of three, two are left", small(3), 1, 2, true},
		{"no room", small(0), 0, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if left, few := remaining(test.info, test.signing); left != test.left || few != test.few {
				t.Errorf("remaining %d, %t, want %d, %t", left, few, test.left, test.few)
			}
		})
	}
}

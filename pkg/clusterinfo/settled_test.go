package clusterinfo_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// What the signer had no time for is not held against it.
func TestSettled(t *testing.T) {
	made := func(ago time.Duration, changes ...func(*corev1.Secret)) []token.Info {
		secret := secretOf(t, "abcdef")
		secret.CreationTimestamp = metav1.Time{Time: now.Add(-ago)}
		for _, change := range changes {
			change(secret)
		}
		return []token.Info{token.Read(secret)}
	}
	ended := func(ago time.Duration) func(*corev1.Secret) {
		return func(s *corev1.Secret) { s.Data["expiration"] = []byte(now.Add(-ago).Format(time.RFC3339)) }
	}
	tests := []struct {
		name   string
		tokens []token.Info
		state  string
		stays  bool
	}{
		{"missing of a young token", made(10 * time.Second), clusterinfo.Missing, false},
		{"missing", made(11 * time.Second), clusterinfo.Missing, true},
		{"stale of a young token", made(time.Second), clusterinfo.Stale, true},
		{"malformed of a young token", made(time.Second), clusterinfo.Malformed, true},
		{"orphan of a token that just ended", made(time.Hour, ended(10*time.Second)), clusterinfo.Orphan, false},
		{"orphan of a token that ended", made(time.Hour, ended(11*time.Second)), clusterinfo.Orphan, true},
		{"orphan of no token", nil, clusterinfo.Orphan, true},
		{"valid", made(time.Second), clusterinfo.Valid, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			states := []clusterinfo.SignatureState{{TokenID: "abcdef", State: test.state}}
			if got := clusterinfo.Settled(states, test.tokens, now); (len(got) == 1) != test.stays {
				t.Errorf("Settled = %v", got)
			}
			if states[0].State != test.state {
				t.Error("it changed what it was given")
			}
		})
	}
}

func TestClock(t *testing.T) {
	tests := []struct {
		behind, told, counted time.Duration
	}{
		{0, 0, 0},
		{2 * time.Second, 0, 0},
		{30 * time.Second, 0, 30 * time.Second},
		{-time.Minute, 0, -time.Minute},
		{61 * time.Second, 61 * time.Second, 61 * time.Second},
		{-time.Hour, -time.Hour, -time.Hour},
	}
	for _, test := range tests {
		t.Run(test.behind.String(), func(t *testing.T) {
			c := &clusterinfo.Clock{Now: clock}
			if c.Behind() != 0 || !c.ServerTime().Equal(now) {
				t.Error("it knows before anything answered")
			}
			c.Watch(apiclient.Options{}).Observe(apiclient.Call{Date: now.Add(test.behind)})
			if c.Behind() != test.told || !c.ServerTime().Equal(now.Add(test.counted)) {
				t.Errorf("behind %s, server time %s", c.Behind(), c.ServerTime())
			}
		})
	}
}

func TestRoom(t *testing.T) {
	capacity := clusterinfo.Info{}.Capacity()
	// small is the rest where that is room for so many.
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
		little  bool
	}{
		{"empty", clusterinfo.Info{}, 0, capacity, false},
		{"nine tenths", clusterinfo.Info{}, capacity - (capacity+9)/10, (capacity + 9) / 10, false},
		{"more", clusterinfo.Info{}, capacity - capacity/11, capacity / 11, true},
		{"full", clusterinfo.Info{}, capacity, 0, true},
		{"over", clusterinfo.Info{}, capacity + 1, 0, true},
		{"small, and ten left", small(20), 10, 10, false},
		{"small, and nine left", small(20), 11, 9, true},
		{"of three, one is left", small(3), 2, 1, true},
		{"of three, two are left", small(3), 1, 2, true},
		{"none at all", small(0), 0, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if left, little := test.info.Room(test.signing); left != test.left || little != test.little {
				t.Errorf("Room = %d, %t, want %d, %t", left, little, test.left, test.little)
			}
		})
	}
}

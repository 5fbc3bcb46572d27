package discovery_test

import (
	"crypto/x509"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// The error about a certificate that is not valid names the difference between the
// clocks. The server's clock is the real one.
func TestDiscover_ClockSkew(t *testing.T) {
	at := func(from, until time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until) }
	}
	tests := []struct {
		name   string
		here   time.Duration // this machine's clock, relative to the server's
		ca     func(*x509.Certificate)
		behind time.Duration // 0: the error does not mention clocks
	}{
		{"behind", -time.Hour, at(-time.Minute, time.Hour), time.Hour},
		{"ahead", 2 * time.Hour, at(-time.Minute, time.Hour), -2 * time.Hour},
		{"expired, clocks agree", 0, at(-time.Hour, -time.Minute), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := testcluster.NewCA(t, test.ca)
			server := testcluster.NewCluster(t, c.Server(t, host), func(int, *http.Request) (int, map[string]string) { return http.StatusOK, testcluster.SignedData(t, c) })
			opts := testcluster.Options(t, server, c)
			opts.Client.Now = func() time.Time { return time.Now().Add(test.here) }
			_, err := discovery.Discover(t.Context(), opts)
			testcluster.WantError(t, err, clusterinfo.ErrUnusableCA)
			var skew *discovery.SkewError
			if !errors.As(err, &skew) {
				if test.behind != 0 {
					t.Errorf("error = %v, want a *SkewError", err)
				}
				return
			}
			if got := skew.Behind.Round(time.Minute); got != test.behind {
				t.Errorf("behind by %s, want %s (%v)", got, test.behind, err)
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
			c := &discovery.Clock{Now: testcluster.Clock}
			if c.Behind() != 0 || !c.ServerTime().Equal(testcluster.Now) {
				t.Error("the clock has an offset before any response")
			}
			c.Watch(kubeclient.Options{}).Observe(kubeclient.Call{Date: testcluster.Now.Add(test.behind)})
			if c.Behind() != test.told || !c.ServerTime().Equal(testcluster.Now.Add(test.counted)) {
				t.Errorf("behind %s, server time %s", c.Behind(), c.ServerTime())
			}
		})
	}
}

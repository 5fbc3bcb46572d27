package clusterinfo_test

import (
	"crypto/x509"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// A certificate that is not valid here is told of with what the clocks say. The
// server's clock is the real one.
func TestDiscoverTellsOfClocks(t *testing.T) {
	at := func(from, until time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until) }
	}
	tests := []struct {
		name   string
		here   time.Duration // this machine's clock, from the server's
		ca     func(*x509.Certificate)
		behind time.Duration // 0: clocks are not spoken of
	}{
		{"behind", -time.Hour, at(-time.Minute, time.Hour), time.Hour},
		{"ahead", 2 * time.Hour, at(-time.Minute, time.Hour), -2 * time.Hour},
		{"expired, clocks agree", 0, at(-time.Hour, -time.Minute), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCA(t, test.ca)
			server := newCluster(t, c.server(t, host), func(int, *http.Request) (int, map[string]string) { return http.StatusOK, signedData(t, c) })
			opts := options(t, server, c)
			opts.Client.Now = func() time.Time { return time.Now().Add(test.here) }
			_, err := clusterinfo.Discover(t.Context(), opts)
			wantError(t, err, clusterinfo.ErrUnusableCA)
			var skew *clusterinfo.SkewError
			if !errors.As(err, &skew) {
				if test.behind != 0 {
					t.Errorf("error = %v does not speak of the clocks", err)
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

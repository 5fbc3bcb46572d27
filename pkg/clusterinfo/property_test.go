package clusterinfo_test

import (
	"crypto/x509"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// For any bundle and any pins, the roots are exactly the usable certificates with a
// pinned key.
func TestTrusted_WithinPins(t *testing.T) {
	n, seed := 20_000, uint64(time.Now().UnixNano())
	if os.Getenv("BOOTCTL_SOAK") != "" {
		n = 1_000_000
	}
	t.Logf("%d bundles, seed %d", n, seed)
	var pool []*x509.Certificate
	usable := map[*x509.Certificate]bool{}
	for i := range 60 {
		c := testcluster.NewCA(t, func(c *x509.Certificate) {
			switch i % 8 {
			case 0:
				c.NotAfter = testcluster.Now.Add(-time.Second)
			case 1:
				c.NotBefore = testcluster.Now.Add(time.Second)
			case 2:
				c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature
			}
		})
		pool = append(pool, c.Certificate)
		usable[c.Certificate] = i%8 > 2
		if i%16 == 3 { // a certificate with the same key
			again := c.Renewed(t, func(c *x509.Certificate) { c.Subject.CommonName = "renewed" }).Certificate
			pool, usable[again] = append(pool, again), true
		}
	}
	if len(pool) != 64 {
		t.Fatalf("%d certificates", len(pool))
	}
	random := rand.New(rand.NewPCG(seed, 1))
	draw := func(most int) []*x509.Certificate {
		var out []*x509.Certificate
		for range random.IntN(most) {
			out = append(out, pool[random.IntN(len(pool))])
		}
		return out
	}
	for range n {
		bundle, pinned := draw(12), draw(6)
		pins := clusterinfo.Pins(pinned)
		roots, err := clusterinfo.Trusted(bundle, pins, testcluster.Now)
		var want []*x509.Certificate
		for _, cert := range bundle {
			if usable[cert] && slices.Contains(pins, clusterinfo.PinOf(cert)) {
				want = append(want, cert)
			}
		}
		if !slices.Equal(roots, want) || (err == nil) != (len(want) > 0) {
			t.Fatalf("%d roots (%v), want %d, of a bundle of %d and %d pins", len(roots), err, len(want), len(bundle), len(pins))
		}
	}
}

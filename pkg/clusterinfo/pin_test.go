package clusterinfo_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

const hex64 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestParsePin(t *testing.T) {
	ofNothing := sha256.Sum256(nil)
	tests := []struct {
		name, text string
		want       string
		wantErr    error
	}{
		{"lower case", "sha256:" + hex64, "sha256:" + hex64, nil},
		{"upper case", "SHA256:" + strings.ToUpper(hex64), "sha256:" + hex64, nil},
		{"no prefix", hex64, "", clusterinfo.ErrInvalidPin},
		{"other hash", "sha512:" + hex64, "", clusterinfo.ErrInvalidPin},
		{"no colon", "sha256" + hex64 + "0", "", clusterinfo.ErrInvalidPin},
		{"only the prefix", "sha256:", "", clusterinfo.ErrInvalidPin},
		{"a byte short", "sha256:" + hex64[2:], "", clusterinfo.ErrInvalidPin},
		{"a byte long", "sha256:" + hex64 + "00", "", clusterinfo.ErrInvalidPin},
		{"a digit short", "sha256:" + hex64[1:], "", clusterinfo.ErrInvalidPin},
		{"not hex", "sha256:" + hex64[1:] + "g", "", clusterinfo.ErrInvalidPin},
		{"space before", " sha256:" + hex64, "", clusterinfo.ErrInvalidPin},
		{"line feed after", "sha256:" + hex64 + "\n", "", clusterinfo.ErrInvalidPin},
		{"empty", "", "", clusterinfo.ErrInvalidPin},
		{"hash of empty input", "sha256:" + hex.EncodeToString(ofNothing[:]), "", clusterinfo.ErrInvalidPin},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := clusterinfo.ParsePin(test.text)
			testcluster.WantError(t, err, test.wantErr)
			if err == nil && got.String() != test.want {
				t.Errorf("pin = %s, want %s", got, test.want)
			}
		})
	}
}

func TestPinOf_PublicKeyHash(t *testing.T) {
	c := testcluster.NewCA(t)
	der, err := x509.MarshalPKIXPublicKey(c.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := clusterinfo.PinOf(c.Certificate), clusterinfo.Pin(sha256.Sum256(der)); got != want {
		t.Errorf("pin = %s, want %s", got, want)
	}
}

func TestTrusted(t *testing.T) {
	pinned, other := testcluster.NewCA(t), testcluster.NewCA(t)
	expired := testcluster.NewCA(t, func(c *x509.Certificate) { c.NotAfter = testcluster.Now.Add(-time.Second) })
	future := testcluster.NewCA(t, func(c *x509.Certificate) { c.NotBefore = testcluster.Now.Add(time.Second) })
	noCA := testcluster.NewCA(t, func(c *x509.Certificate) { c.IsCA = false })
	noSign := testcluster.NewCA(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	noUsage := testcluster.NewCA(t, func(c *x509.Certificate) { c.KeyUsage = 0 })
	cas := func(c ...testcluster.CA) []testcluster.CA { return c }
	tests := []struct {
		name         string
		bundle, pins []testcluster.CA
		want         []testcluster.CA
		wantErr      error
	}{
		{"only the pinned one", cas(pinned), cas(pinned), cas(pinned), nil},
		{"pinned, other", cas(pinned, other), cas(pinned), cas(pinned), nil},
		{"other, pinned", cas(other, pinned), cas(pinned), cas(pinned), nil},
		{"both pinned", cas(pinned, other), cas(other, pinned), cas(pinned, other), nil},
		{"pinned, expired and pinned", cas(pinned, expired), cas(pinned, expired), cas(pinned), nil},
		{"no key usage", cas(noUsage), cas(noUsage), cas(noUsage), nil},
		{"only another one", cas(other), cas(pinned), nil, clusterinfo.ErrPinMismatch},
		{"no pin", cas(pinned), nil, nil, clusterinfo.ErrPinMismatch},
		{"no bundle", nil, cas(pinned), nil, clusterinfo.ErrPinMismatch},
		{"expired", cas(expired), cas(expired), nil, clusterinfo.ErrCAExpired},
		{"not yet valid", cas(future), cas(future), nil, clusterinfo.ErrCAExpired},
		{"not a CA", cas(noCA), cas(noCA), nil, clusterinfo.ErrUnusableCA},
		{"may not sign certificates", cas(noSign), cas(noSign), nil, clusterinfo.ErrUnusableCA},
		{"pinned but expired, other", cas(expired, other), cas(expired), nil, clusterinfo.ErrCAExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := clusterinfo.Trusted(testcluster.Bundle(test.bundle...), clusterinfo.Pins(testcluster.Bundle(test.pins...)), testcluster.Now)
			testcluster.WantError(t, err, test.wantErr)
			testcluster.WantRoots(t, got, test.want...)
		})
	}
}

func FuzzParsePin(f *testing.F) {
	for _, s := range []string{"sha256:" + hex64, "SHA256:" + hex64, "sha256:", hex64, "ſha256:" + hex64} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pin, err := clusterinfo.ParsePin(s)
		if err != nil {
			testcluster.WantError(t, err, clusterinfo.ErrInvalidPin)
			return
		}
		if pin.String() != strings.ToLower(s) || pin == sha256.Sum256(nil) {
			t.Errorf("ParsePin(%q) = %s", s, pin)
		}
	})
}

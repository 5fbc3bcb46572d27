package clusterinfo_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"
	"time"

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
		{"prefix alone", "sha256:", "", clusterinfo.ErrInvalidPin},
		{"a byte short", "sha256:" + hex64[2:], "", clusterinfo.ErrInvalidPin},
		{"a byte long", "sha256:" + hex64 + "00", "", clusterinfo.ErrInvalidPin},
		{"a digit short", "sha256:" + hex64[1:], "", clusterinfo.ErrInvalidPin},
		{"no hex", "sha256:" + hex64[1:] + "g", "", clusterinfo.ErrInvalidPin},
		{"space before", " sha256:" + hex64, "", clusterinfo.ErrInvalidPin},
		{"line feed after", "sha256:" + hex64 + "\n", "", clusterinfo.ErrInvalidPin},
		{"empty", "", "", clusterinfo.ErrInvalidPin},
		{"hash of nothing", "sha256:" + hex.EncodeToString(ofNothing[:]), "", clusterinfo.ErrInvalidPin},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := clusterinfo.ParsePin(test.text)
			wantError(t, err, test.wantErr)
			if err == nil && got.String() != test.want {
				t.Errorf("pin = %s, want %s", got, test.want)
			}
		})
	}
}

func TestPinOfIsTheHashOfThePublicKey(t *testing.T) {
	c := newCA(t)
	der, err := x509.MarshalPKIXPublicKey(c.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := clusterinfo.PinOf(c.Certificate), clusterinfo.Pin(sha256.Sum256(der)); got != want {
		t.Errorf("pin = %s, want %s", got, want)
	}
}

func TestTrusted(t *testing.T) {
	pinned, other := newCA(t), newCA(t)
	expired := newCA(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	future := newCA(t, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })
	noCA := newCA(t, func(c *x509.Certificate) { c.IsCA = false })
	noSign := newCA(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	noUsage := newCA(t, func(c *x509.Certificate) { c.KeyUsage = 0 })
	cas := func(c ...ca) []ca { return c }
	tests := []struct {
		name         string
		bundle, pins []ca
		want         []ca
		wantErr      error
	}{
		{"the pinned one alone", cas(pinned), cas(pinned), cas(pinned), nil},
		{"pinned, other", cas(pinned, other), cas(pinned), cas(pinned), nil},
		{"other, pinned", cas(other, pinned), cas(pinned), cas(pinned), nil},
		{"both pinned", cas(pinned, other), cas(other, pinned), cas(pinned, other), nil},
		{"pinned, expired and pinned", cas(pinned, expired), cas(pinned, expired), cas(pinned), nil},
		{"no key usage at all", cas(noUsage), cas(noUsage), cas(noUsage), nil},
		{"other alone", cas(other), cas(pinned), nil, clusterinfo.ErrPinMismatch},
		{"no pin", cas(pinned), nil, nil, clusterinfo.ErrPinMismatch},
		{"no bundle", nil, cas(pinned), nil, clusterinfo.ErrPinMismatch},
		{"expired", cas(expired), cas(expired), nil, clusterinfo.ErrCAExpired},
		{"not yet valid", cas(future), cas(future), nil, clusterinfo.ErrCAExpired},
		{"not of a CA", cas(noCA), cas(noCA), nil, clusterinfo.ErrUnusableCA},
		{"may not sign certificates", cas(noSign), cas(noSign), nil, clusterinfo.ErrUnusableCA},
		{"pinned but expired, other", cas(expired, other), cas(expired), nil, clusterinfo.ErrCAExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := clusterinfo.Trusted(bundle(test.bundle...), clusterinfo.Pins(bundle(test.pins...)), now)
			wantError(t, err, test.wantErr)
			wantRoots(t, got, test.want...)
		})
	}
}

func TestOptionsTrusted(t *testing.T) {
	first, second, third := newCA(t), newCA(t), newCA(t)
	all := bundle(first, second, third)
	tests := []struct {
		name    string
		options clusterinfo.Options
		want    []ca
		wantErr error
	}{
		{"pins", clusterinfo.Options{Pins: clusterinfo.Pins(bundle(second))}, []ca{second}, nil},
		{"CA certificates", clusterinfo.Options{CAs: bundle(first, second)}, []ca{first, second}, nil},
		{"both", clusterinfo.Options{CAs: bundle(first, second), Pins: clusterinfo.Pins(bundle(second, third))}, []ca{second}, nil},
		{"neither checked", clusterinfo.Options{SkipCAVerification: true}, []ca{first, second, third}, nil},
		{"both, of different keys", clusterinfo.Options{CAs: bundle(first), Pins: clusterinfo.Pins(bundle(second))}, nil, clusterinfo.ErrPinMismatch},
		{"nothing given", clusterinfo.Options{}, nil, clusterinfo.ErrPinMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.options.Client.Now = clock
			got, err := test.options.Trusted(all)
			wantError(t, err, test.wantErr)
			wantRoots(t, got, test.want...)
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
			wantError(t, err, clusterinfo.ErrInvalidPin)
			return
		}
		if pin.String() != strings.ToLower(s) || pin == sha256.Sum256(nil) {
			t.Errorf("ParsePin(%q) = %s", s, pin)
		}
	})
}

package clusterinfo_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// A pin identifies a key, and a key can have several certificates, some unusable.
func TestTrusted_RenewedCA(t *testing.T) {
	current := testcluster.NewCA(t)
	expired := current.Renewed(t, func(c *x509.Certificate) { c.NotAfter = testcluster.Now.Add(-time.Second) })
	noCA := current.Renewed(t, func(c *x509.Certificate) { c.IsCA = false })
	tests := []struct {
		name    string
		bundle  []testcluster.CA
		want    []testcluster.CA
		wantErr error
	}{
		{"expired and current", []testcluster.CA{expired, current}, []testcluster.CA{current}, nil},
		{"current and expired", []testcluster.CA{current, expired}, []testcluster.CA{current}, nil},
		{"no CA and current", []testcluster.CA{noCA, current}, []testcluster.CA{current}, nil},
		{"expired and no CA", []testcluster.CA{expired, noCA}, nil, clusterinfo.ErrUnusableCA},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := clusterinfo.Trusted(testcluster.Bundle(test.bundle...), []clusterinfo.Pin{clusterinfo.PinOf(current.Certificate)}, testcluster.Now)
			testcluster.WantError(t, err, test.wantErr)
			testcluster.WantRoots(t, got, test.want...)
		})
	}
}

// A certificate is valid in its first and its last second.
func TestTrusted_ValidityBounds(t *testing.T) {
	c := testcluster.NewCA(t)
	tests := []struct {
		name    string
		now     time.Time
		wantErr error
	}{
		{"first moment", c.NotBefore, nil},
		{"before it", c.NotBefore.Add(-time.Nanosecond), clusterinfo.ErrCAExpired},
		{"last moment", c.NotAfter, nil},
		{"after it", c.NotAfter.Add(time.Nanosecond), clusterinfo.ErrCAExpired},
		{"another zone", c.NotAfter.In(time.FixedZone("x", 9*3600)), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := clusterinfo.Trusted(testcluster.Bundle(c), clusterinfo.Pins(testcluster.Bundle(c)), test.now)
			testcluster.WantError(t, err, test.wantErr)
		})
	}
}

// An X.509 version 1 certificate has no basic constraints.
func TestTrusted_BasicConstraints(t *testing.T) {
	c := testcluster.NewCA(t, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false })
	_, err := clusterinfo.Trusted(testcluster.Bundle(c), clusterinfo.Pins(testcluster.Bundle(c)), testcluster.Now)
	testcluster.WantError(t, err, clusterinfo.ErrUnusableCA)
	if errors.Is(err, clusterinfo.ErrCAExpired) {
		t.Errorf("%v matches ErrCAExpired", err)
	}
}

// The error lists every pin of a small bundle, and the first ones of a large bundle.
func TestTrusted_ErrorDetails(t *testing.T) {
	pinned := testcluster.NewCA(t)
	var cas []testcluster.CA
	for range 5 {
		cas = append(cas, testcluster.NewCA(t))
	}
	for n, wantMore := range map[int]string{1: "", 3: "", 4: "and 1 more", 5: "and 2 more"} {
		_, err := clusterinfo.Trusted(testcluster.Bundle(cas[:n]...), clusterinfo.Pins(testcluster.Bundle(pinned)), testcluster.Now)
		testcluster.WantError(t, err, clusterinfo.ErrPinMismatch)
		if got, want := strings.Count(err.Error(), "sha256:"), min(n, 3); got != want || !strings.Contains(err.Error(), wantMore) {
			t.Errorf("with %d CAs, the error names %d pins, want %d and %q: %v", n, got, want, wantMore, err)
		}
		if !strings.Contains(err.Error(), clusterinfo.PinOf(cas[0].Certificate).String()) {
			t.Errorf("the error does not name the pin of the first CA: %v", err)
		}
	}
}

// All bits of a pin are compared.
func TestTrusted_WholePin(t *testing.T) {
	c := testcluster.NewCA(t)
	for i := range sha256.Size {
		pin := clusterinfo.PinOf(c.Certificate)
		pin[i] ^= 1
		_, err := clusterinfo.Trusted(testcluster.Bundle(c), []clusterinfo.Pin{pin}, testcluster.Now)
		testcluster.WantError(t, err, clusterinfo.ErrPinMismatch)
	}
}

func TestPinOf_AnyKey(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{"RSA": {&rsaKey.PublicKey, rsaKey}, "Ed25519": {edPublic, edKey}} {
		t.Run(name, func(t *testing.T) {
			template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: testcluster.Now, NotAfter: testcluster.Now, IsCA: true, BasicConstraintsValid: true}
			der, err := x509.CreateCertificate(rand.Reader, template, template, pair[0], pair[1])
			if err != nil {
				t.Fatal(err)
			}
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			spki, err := x509.MarshalPKIXPublicKey(pair[0])
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(spki)
			pin, err := clusterinfo.ParsePin("sha256:" + hex.EncodeToString(sum[:]))
			if err != nil || clusterinfo.PinOf(cert) != pin {
				t.Errorf("pin = %s, want %s (%v)", clusterinfo.PinOf(cert), pin, err)
			}
			if _, err := clusterinfo.Trusted([]*x509.Certificate{cert}, []clusterinfo.Pin{pin}, testcluster.Now); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParsePin_Forms(t *testing.T) {
	tests := []struct {
		name, text string
		wantErr    error
	}{
		{"mixed case", "Sha256:" + strings.ToUpper(hex64[:32]) + hex64[32:], nil},
		{"letter that folds to s", "ſha256:" + hex64, clusterinfo.ErrInvalidPin},
		{"prefix twice", "sha256:sha256:" + hex64, clusterinfo.ErrInvalidPin},
		{"space after the colon", "sha256: " + hex64, clusterinfo.ErrInvalidPin},
		{"0x", "sha256:0x" + hex64[2:], clusterinfo.ErrInvalidPin},
		{"colons between", "sha256:" + strings.Repeat("00:", 31) + "00", clusterinfo.ErrInvalidPin},
		{"output of openssl", "SHA2-256(stdin)= " + hex64, clusterinfo.ErrInvalidPin},
		{"two pins", "sha256:" + hex64 + ",sha256:" + hex64, clusterinfo.ErrInvalidPin},
		{"base64", "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", clusterinfo.ErrInvalidPin},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pin, err := clusterinfo.ParsePin(test.text)
			testcluster.WantError(t, err, test.wantErr)
			if err == nil && pin.String() != strings.ToLower(test.text) {
				t.Errorf("pin = %s", pin)
			}
		})
	}
}

// The hash of empty input is rejected in every spelling.
func TestParsePin_Empty(t *testing.T) {
	sum := sha256.Sum256(nil)
	digits := hex.EncodeToString(sum[:])
	for _, text := range []string{"sha256:" + digits, "SHA256:" + strings.ToUpper(digits)} {
		_, err := clusterinfo.ParsePin(text)
		testcluster.WantError(t, err, clusterinfo.ErrInvalidPin)
	}
	if _, err := clusterinfo.ParsePin("sha256:" + digits[:63] + "4"); err != nil {
		t.Errorf("a similar pin: %v", err)
	}
}

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

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// renewed returns another certificate of the same key.
func (c ca) renewed(t testing.TB, change func(*x509.Certificate)) ca {
	t.Helper()
	template := *c.Certificate
	template.SerialNumber = big.NewInt(3)
	change(&template)
	self := testca.CA{Certificate: &template, Key: c.Key}
	return ca{testca.CA{Certificate: self.Issue(t, &template, c.Key.Public()), Key: c.Key}}
}

// A pin is of a key, and a key may have a certificate that is of no use.
func TestTrustedOfARenewedCA(t *testing.T) {
	current := newCA(t)
	expired := current.renewed(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	noCA := current.renewed(t, func(c *x509.Certificate) { c.IsCA = false })
	tests := []struct {
		name    string
		bundle  []ca
		want    []ca
		wantErr error
	}{
		{"expired and current", []ca{expired, current}, []ca{current}, nil},
		{"current and expired", []ca{current, expired}, []ca{current}, nil},
		{"no CA and current", []ca{noCA, current}, []ca{current}, nil},
		{"expired and no CA", []ca{expired, noCA}, nil, clusterinfo.ErrUnusableCA},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := clusterinfo.Trusted(bundle(test.bundle...), []clusterinfo.Pin{clusterinfo.PinOf(current.Certificate)}, now)
			wantError(t, err, test.wantErr)
			wantRoots(t, got, test.want...)
		})
	}
}

// The first and the last second of a certificate are its own.
func TestTrustedAtTheBounds(t *testing.T) {
	c := newCA(t)
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
			_, err := clusterinfo.Trusted(bundle(c), clusterinfo.Pins(bundle(c)), test.now)
			wantError(t, err, test.wantErr)
		})
	}
}

// The certificate of version 1 of X.509 says nothing of being a CA's.
func TestTrustedNeedsBasicConstraints(t *testing.T) {
	c := newCA(t, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false })
	_, err := clusterinfo.Trusted(bundle(c), clusterinfo.Pins(bundle(c)), now)
	wantError(t, err, clusterinfo.ErrUnusableCA)
	if errors.Is(err, clusterinfo.ErrCAExpired) {
		t.Errorf("%v matches ErrCAExpired", err)
	}
}

// Every pin in the error of a small bundle, and the first of a large one.
func TestTrustedNamesWhatItSaw(t *testing.T) {
	pinned := newCA(t)
	var cas []ca
	for range 5 {
		cas = append(cas, newCA(t))
	}
	for n, wantMore := range map[int]string{1: "", 3: "", 4: "and 1 more", 5: "and 2 more"} {
		_, err := clusterinfo.Trusted(bundle(cas[:n]...), clusterinfo.Pins(bundle(pinned)), now)
		wantError(t, err, clusterinfo.ErrPinMismatch)
		if got, want := strings.Count(err.Error(), "sha256:"), min(n, 3); got != want || !strings.Contains(err.Error(), wantMore) {
			t.Errorf("of %d CAs, the error names %d pins, want %d and %q: %v", n, got, want, wantMore, err)
		}
		if !strings.Contains(err.Error(), clusterinfo.PinOf(cas[0].Certificate).String()) {
			t.Errorf("the error does not name the pin of the first CA: %v", err)
		}
	}
}

// A pin differs in every bit that a key may differ in.
func TestTrustedComparesTheWholePin(t *testing.T) {
	c := newCA(t)
	for i := range sha256.Size {
		pin := clusterinfo.PinOf(c.Certificate)
		pin[i] ^= 1
		_, err := clusterinfo.Trusted(bundle(c), []clusterinfo.Pin{pin}, now)
		wantError(t, err, clusterinfo.ErrPinMismatch)
	}
}

func TestPinOfAnyKey(t *testing.T) {
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
			template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now, IsCA: true, BasicConstraintsValid: true}
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
			if _, err := clusterinfo.Trusted([]*x509.Certificate{cert}, []clusterinfo.Pin{pin}, now); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParsePinForms(t *testing.T) {
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
			wantError(t, err, test.wantErr)
			if err == nil && pin.String() != strings.ToLower(test.text) {
				t.Errorf("pin = %s", pin)
			}
		})
	}
}

// The hash of nothing is refused however it is written.
func TestParsePinOfNothing(t *testing.T) {
	sum := sha256.Sum256(nil)
	digits := hex.EncodeToString(sum[:])
	for _, text := range []string{"sha256:" + digits, "SHA256:" + strings.ToUpper(digits)} {
		_, err := clusterinfo.ParsePin(text)
		wantError(t, err, clusterinfo.ErrInvalidPin)
	}
	if _, err := clusterinfo.ParsePin("sha256:" + digits[:63] + "4"); err != nil {
		t.Errorf("a digit away from it: %v", err)
	}
}

// Pins and CAs restrict each other on the wire as well.
func TestDiscoverWithPinsAndCAs(t *testing.T) {
	both, pinnedOnly, fileOnly, neither := newCA(t), newCA(t), newCA(t), newCA(t)
	tests := []struct {
		name    string
		signer  ca // of the server's certificate
		bundle  []ca
		want    []ca
		wantErr error
	}{
		{"the one that is both", both, []ca{neither, fileOnly, pinnedOnly, both}, []ca{both}, nil},
		{"pinned, not in the file", pinnedOnly, []ca{pinnedOnly}, nil, clusterinfo.ErrPinMismatch},
		{"in the file, not pinned", fileOnly, []ca{fileOnly}, nil, clusterinfo.ErrPinMismatch},
		{"one of each", both, []ca{pinnedOnly, fileOnly}, nil, clusterinfo.ErrPinMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCluster(t, test.signer.server(t, host), always(signedData(t, test.bundle...)))
			opts := options(t, server, both, pinnedOnly)
			opts.CAs = bundle(both, fileOnly)
			got, err := clusterinfo.Discover(t.Context(), opts)
			wantError(t, err, test.wantErr)
			wantRoots(t, got.Roots, test.want...)
		})
	}
}

// Without a pin, a certificate that is no CA's or has expired is no root still.
func TestDiscoverWithoutPinsTrustsUsableCAsOnly(t *testing.T) {
	good, expired := newCA(t), newCA(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	server := newCluster(t, good.server(t, host), always(signedData(t, good, expired)))
	opts := options(t, server)
	opts.SkipCAVerification = true
	got, err := clusterinfo.Discover(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	wantRoots(t, got.Roots, good)
	if len(got.CAs) != 2 {
		t.Errorf("the document has %d CAs, want both", len(got.CAs))
	}
}

func TestOptionsValidate(t *testing.T) {
	c := newCA(t)
	tests := []struct {
		name    string
		change  func(*clusterinfo.Options)
		wantErr error
	}{
		{"pins", func(*clusterinfo.Options) {}, nil},
		{"CAs", func(o *clusterinfo.Options) { o.Pins, o.CAs = nil, bundle(c) }, nil},
		{"signature alone", func(o *clusterinfo.Options) { o.Pins, o.SkipCAVerification = nil, true }, nil},
		{"no endpoint", func(o *clusterinfo.Options) { o.Endpoints = nil }, clusterinfo.ErrInvalidEndpoint},
		{"no token", func(o *clusterinfo.Options) { o.Token = token.Token{} }, token.ErrInvalid},
		{"nothing to trust", func(o *clusterinfo.Options) { o.Pins = nil }, clusterinfo.ErrNoTrust},
		{"empty pins and CAs", func(o *clusterinfo.Options) { o.Pins, o.CAs = []clusterinfo.Pin{}, []*x509.Certificate{} }, clusterinfo.ErrNoTrust},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := clusterinfo.Options{Endpoints: []clusterinfo.Endpoint{"10.0.0.1:6443"}, Token: parseToken(t), Pins: clusterinfo.Pins(bundle(c))}
			test.change(&opts)
			wantError(t, opts.Validate(), test.wantErr)
		})
	}
}

// A pin or a CA that is given is never passed over.
func TestSkippingDoesNotOverrideAPin(t *testing.T) {
	pinned, other := newCA(t), newCA(t)
	for name, change := range map[string]func(*clusterinfo.Options){
		"pin": func(*clusterinfo.Options) {},
		"CA": func(o *clusterinfo.Options) {
			o.Pins, o.CAs = nil, []*x509.Certificate{pinned.Certificate}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newCluster(t, other.server(t, host), always(signedData(t, other)))
			opts := options(t, server, pinned)
			opts.SkipCAVerification = true
			change(&opts)
			_, err := clusterinfo.Discover(t.Context(), opts)
			wantError(t, err, clusterinfo.ErrPinMismatch)
		})
	}
}

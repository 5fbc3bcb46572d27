package csr_test

import (
	"crypto/dsa"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// The request is read already, so any public key can be judged: of the larger
// ones nobody needs the private half.
func TestCheck_KeyStrength(t *testing.T) {
	curve := func(c elliptic.Curve) *ecdsa.PublicKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return &key.PublicKey
	}
	bits := func(n uint) *rsa.PublicKey {
		modulus := new(big.Int).Lsh(big.NewInt(1), n-1)
		return &rsa.PublicKey{N: modulus.Add(modulus, big.NewInt(1)), E: 65537}
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		key    any
		want   string // the rules that refuse
		detail string
	}{
		{"P-256", curve(elliptic.P256()), "", "ECDSA P-256"},
		{"P-384", curve(elliptic.P384()), "", "ECDSA P-384"},
		{"P-521", curve(elliptic.P521()), "", "ECDSA P-521"},
		{"P-224", curve(elliptic.P224()), "key", "ECDSA P-224"},
		{"RSA 2048", bits(2048), "", "RSA 2048"},
		{"RSA 8192", bits(8192), "", "RSA 8192"},
		{"RSA 1024", bits(1024), "key", "RSA 1024"},
		{"RSA 2047", bits(2047), "key", "RSA 2047"},
		{"RSA 8193", bits(8193), "key", "RSA 8193"},
		{"RSA with an exponent of 3", &rsa.PublicKey{N: bits(2048).N, E: 3}, "key", "RSA 2048"},
		{"Ed25519", ed, "", "Ed25519"},
		{"DSA", &dsa.PublicKey{}, "key", "unknown"},
		{"X25519", &ecdh.PublicKey{}, "key", "unknown"},
		{"none", nil, "key", "unknown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request := csr.Decode(testcsr.Stored(t, testcsr.NewKey(t)))
			request.PKCS10.PublicKey = test.key
			var rules []string
			for _, verdict := range approval.Check(request, approval.Facts{}) {
				if !verdict.OK && verdict.Rule != "signed with its key" {
					rules = append(rules, verdict.Rule)
				}
				if verdict.Rule == "key" && verdict.Detail != test.detail {
					t.Errorf("detail = %s, want %s", verdict.Detail, test.detail)
				}
			}
			if got := strings.Join(rules, ","); got != test.want {
				t.Errorf("refused by %q, want %q", got, test.want)
			}
		})
	}
}

// `base64 -d | sha256sum` of the SubjectPublicKeyInfo.
func TestFingerprint_Golden(t *testing.T) {
	der, err := base64.StdEncoding.DecodeString("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==")
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := csr.Fingerprint(public), "sha256:5cd252fb0ce8932436faf8ccd1040981b89ee4ad6b9fe9e2a2b7e71aacb27cd3"; got != want {
		t.Errorf("fingerprint = %s, want %s", got, want)
	}
	if got := csr.Fingerprint("no key"); got != "" {
		t.Errorf("fingerprint of no key = %s", got)
	}
}

// A signer that is no key of ours, such as one in hardware, cannot be encoded.
func TestEncodeKey_OtherType(t *testing.T) {
	type wrapped struct{ *ecdsa.PrivateKey }
	if text, err := csr.EncodeKey(wrapped{testcsr.NewKey(t)}); err == nil {
		t.Errorf("encoded to %.40q", text)
	}
}

func TestGenerateKey_Unique(t *testing.T) {
	first, err := csr.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := csr.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if csr.Fingerprint(first.Public()) == csr.Fingerprint(second.Public()) {
		t.Error("two keys are one")
	}
}

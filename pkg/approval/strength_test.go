package approval_test

import (
	"crypto/dsa" //nolint:staticcheck // a key of this type must be rejected
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// The decoded CSR can have any public key, so no private key is needed for the large
// ones.
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
		want   string // the violated rules
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
			for _, result := range approval.Check(request, approval.Facts{}) {
				if !result.Passed && result.Rule != "signed with its key" && result.Rule != "well-formed" {
					rules = append(rules, result.Rule)
				}
				if result.Rule == "key" && result.Message != test.detail {
					t.Errorf("message = %s, want %s", result.Message, test.detail)
				}
			}
			if got := strings.Join(rules, ","); got != test.want {
				t.Errorf("violations %q, want %q", got, test.want)
			}
		})
	}
}

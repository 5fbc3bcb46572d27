package csr_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
)

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

// A signer of another type, such as a hardware key, cannot be encoded.
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
		t.Error("two generated keys are equal")
	}
}

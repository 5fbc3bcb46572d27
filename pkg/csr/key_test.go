package csr_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestGenerateKey(t *testing.T) {
	key, err := csr.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		t.Errorf("key is a %T", key)
	}
	if got := csr.KeyType(key.Public()); got != "ECDSA P-256" {
		t.Errorf("key type = %s", got)
	}
}

func TestKey_RoundTrip(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, head, kind string
		key              crypto.Signer
	}{
		{"ECDSA", "-----BEGIN EC PRIVATE KEY-----\n", "ECDSA P-256", testcsr.NewKey(t)},
		{"RSA", "-----BEGIN PRIVATE KEY-----\n", "RSA 2048", rsaKey},
		{"Ed25519", "-----BEGIN PRIVATE KEY-----\n", "Ed25519", edKey},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, err := csr.EncodeKey(test.key)
			if err != nil || !strings.HasPrefix(string(text), test.head) {
				t.Fatalf("EncodeKey begins %.30q, %v", text, err)
			}
			back, err := csr.ParseKey(text)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := csr.Fingerprint(back.Public()), csr.Fingerprint(test.key.Public()); got != want {
				t.Errorf("key read back is %s, want %s", got, want)
			}
			if got := csr.KeyType(test.key.Public()); got != test.kind {
				t.Errorf("key type = %s, want %s", got, test.kind)
			}
		})
	}
}

func TestParseKey(t *testing.T) {
	ec, err := csr.EncodeKey(testcsr.NewKey(t))
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		text    []byte
		wantErr error
	}{
		{"EC", ec, nil},
		{"PKCS 1", testcsr.Block("RSA PRIVATE KEY", nil, x509.MarshalPKCS1PrivateKey(rsaKey)), nil},
		{"after a certificate", append(testcsr.NewCA(t).IssueNode(t, testcsr.NewKey(t)), ec...), nil},
		{"empty", nil, csr.ErrInvalidKey},
		{"truncated", ec[:len(ec)/2], csr.ErrInvalidKey},
		{"other type", bytes.ReplaceAll(ec, []byte("EC PRIVATE"), []byte("PUBLIC")), csr.ErrInvalidKey},
		{"not a key", testcsr.Block("EC PRIVATE KEY", nil, []byte("s3cret")), csr.ErrInvalidKey},
		{"not PKCS 8", testcsr.Block("PRIVATE KEY", nil, []byte("s3cret")), csr.ErrInvalidKey},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := csr.ParseKey(test.text)
			testcsr.WantError(t, err, test.wantErr)
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q quotes the key", err)
			}
		})
	}
}

func TestCheckKey(t *testing.T) {
	key := testcsr.NewKey(t)
	r := csr.Decode(testcsr.Stored(t, key))
	testcsr.WantError(t, csr.CheckKey(r, key), nil)
	testcsr.WantError(t, csr.CheckKey(r, testcsr.NewKey(t)), csr.ErrInvalidKey)
}

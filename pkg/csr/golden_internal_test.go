package csr

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"testing"
)

// Of this name's key just the public half is known, so no request can be made.
func TestDigestName(t *testing.T) {
	der, err := base64.StdEncoding.DecodeString("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{CommonName: NodeUserPrefix + "worker-1", Organization: []string{NodesGroup}}
	const want = "node-csr-f4R0YRl_U3QrcidCKu6DB_0fEK2nbzYjWc2jEvcgHI4"
	if got, err := digestName(key, subject, nodeUsages(key)); err != nil || got != want {
		t.Errorf("name %s (%v), want %s", got, err, want)
	}
}

package csr

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"testing"
)

// The golden name was recorded from a kubelet; only the public half of its key is known.
func TestDigestName_Golden(t *testing.T) {
	der, err := base64.StdEncoding.DecodeString("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==")
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{CommonName: "system:node:worker-1", Organization: []string{"system:nodes"}}
	usages, err := usagesFor(KubeletClient, public)
	if err != nil {
		t.Fatal(err)
	}
	got := digestName(KubeletClient, &x509.CertificateRequest{RawSubjectPublicKeyInfo: der, Subject: subject}, usages)
	if want := "node-csr-f4R0YRl_U3QrcidCKu6DB_0fEK2nbzYjWc2jEvcgHI4"; got != want {
		t.Errorf("name = %s, want %s", got, want)
	}
}

package certpem_test

import (
	"testing"

	"github.com/bootctl/bootctl/internal/certpem"
)

func TestSplit_OnlyCertificates(t *testing.T) {
	one := string(certpem.Encode(newCert(t, 1)))
	for name, text := range map[string]string{
		"text before":          "text\n" + one,
		"malformed key before": "-----BEGIN EC PRIVATE KEY-----\n*\n" + one,
	} {
		t.Run(name, func(t *testing.T) {
			if certs, rest := certpem.Split([]byte(text)); len(certs) != 0 || string(rest) != text {
				t.Errorf("Split = %q and %q, want no certificates and the whole text", certs, rest)
			}
		})
	}
	between := one + "-----BEGIN EC PRIVATE KEY-----\n*\n" + one
	if certs, _ := certpem.Split([]byte(between)); string(certs) != one {
		t.Errorf("Split = %q, want the first certificate", certs)
	}
}

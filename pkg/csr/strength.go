package csr

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
)

// KeyType returns the type and size of a public key, such as "ECDSA P-256".
func KeyType(publicKey any) string {
	switch key := publicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown"
}

// IsStrong reports whether a public key is strong enough for a certificate: ECDSA on P-256,
// P-384 or P-521, RSA of 2048 to 8192 bits with an exponent of 65537 or more, or Ed25519.
func IsStrong(publicKey any) bool {
	switch key := publicKey.(type) {
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize >= 256
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192 && key.E >= 65537
	case ed25519.PublicKey:
		return true
	}
	return false
}

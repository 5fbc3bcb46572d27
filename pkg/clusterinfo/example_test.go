package clusterinfo_test

import (
	"fmt"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// A signature is valid only for the exact bytes.
func ExampleVerify() {
	tok, err := token.Parse("abcdef.0123456789abcdef")
	if err != nil {
		fmt.Println(err)
		return
	}
	document := []byte("apiVersion: v1\nkind: Config\n")
	signature := clusterinfo.Sign(document, tok)
	fmt.Println(clusterinfo.Verify(document, signature, tok))
	fmt.Println(clusterinfo.Verify(append(document, '\n'), signature, tok) != nil)
	// Output:
	// <nil>
	// true
}

// A pin is the digest of a CA's public key, in lower-case hex.
func ExampleParsePin() {
	pin, err := clusterinfo.ParsePin("sha256:e2bd70c0e14c8d0e4b1e2c0b3a3f7a5d8c9b6a7f4e3d2c1b0a9f8e7d6c5b4a39")
	fmt.Println(pin, err)
	_, err = clusterinfo.ParsePin("sha256:e2bd70c0")
	fmt.Println(err != nil)
	// Output:
	// sha256:e2bd70c0e14c8d0e4b1e2c0b3a3f7a5d8c9b6a7f4e3d2c1b0a9f8e7d6c5b4a39 <nil>
	// true
}

func ExampleParseEndpoint() {
	for _, address := range []string{"192.0.2.1", "https://api.example.com:443/", "[2001:db8::1]:6443"} {
		endpoint, err := clusterinfo.ParseEndpoint(address)
		fmt.Println(endpoint.URL(), err)
	}
	// Output:
	// https://192.0.2.1:6443 <nil>
	// https://api.example.com:443 <nil>
	// https://[2001:db8::1]:6443 <nil>
}

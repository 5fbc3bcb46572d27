package token_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/bootctl/bootctl/pkg/token"
)

// A token prints as its ID in every format; Reveal returns the full token.
func ExampleParse() {
	tok, err := token.Parse("abcdef.0123456789abcdef")
	fmt.Println(tok, err)
	fmt.Printf("%+v %q\n", tok, tok)
	fmt.Println(tok.Reveal())
	// Output:
	// abcdef <nil>
	// abcdef abcdef
	// abcdef.0123456789abcdef
}

func ExampleGenerate() {
	tok, err := token.Generate(rand.Reader)
	fmt.Println(len(tok.ID()), len(tok.Secret()), err)
	// Output: 6 16 <nil>
}

// Evaluate predicts how the API server, the bootstrap signer and the token cleaner treat a token.
func ExampleInfo_Evaluate() {
	tok, err := token.Parse("abcdef.0123456789abcdef")
	if err != nil {
		fmt.Println(err)
		return
	}
	ends := time.Date(2026, 1, 31, 18, 0, 0, 0, time.UTC)
	spec := token.Spec{Token: tok, Expires: ends, Usages: []string{token.Signing}}
	status := token.Read(spec.Secret()).Evaluate(ends.Add(-time.Hour))
	fmt.Println("as a credential:", status.Rejected)
	fmt.Println("for cluster-info:", status.Unsigned == "")
	fmt.Println("deleted:", status.DeletedAt)
	// Output:
	// as a credential: it does not have the usage authentication
	// for cluster-info: true
	// deleted: 2026-01-31 18:00:00 +0000 UTC
}

package token_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/bootctl/bootctl/pkg/token"
)

// A token prints as its ID, however it is printed; Reveal shows all of it.
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

// The verdict on a Secret is that of the API server, the signer and the cleaner.
func ExampleInfo_Evaluate() {
	tok, err := token.Parse("abcdef.0123456789abcdef")
	if err != nil {
		fmt.Println(err)
		return
	}
	ends := time.Date(2026, 1, 31, 18, 0, 0, 0, time.UTC)
	spec := token.Spec{Token: tok, Expires: ends, Usages: []string{token.Signing}}
	verdict := token.Read(spec.Secret()).Evaluate(ends.Add(-time.Hour))
	fmt.Println("as a credential:", verdict.Rejected)
	fmt.Println("for cluster-info:", verdict.Unsigned == "")
	fmt.Println("deleted:", verdict.DeletedAt)
	// Output:
	// as a credential: it has not the usage authentication
	// for cluster-info: true
	// deleted: 2026-01-31 18:00:00 +0000 UTC
}

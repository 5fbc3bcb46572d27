package csr_test

import (
	"fmt"

	"github.com/bootctl/bootctl/pkg/csr"
)

// A fingerprint can have the form in which it is read aloud.
func ExampleParseFingerprint() {
	fingerprint, err := csr.ParseFingerprint("9f86 d081 884c 7d65 9a2f")
	fmt.Println(fingerprint, err)
	// Output: sha256:9f86d081884c7d659a2f <nil>
}

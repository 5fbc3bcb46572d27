package clusterinfo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/pkg/token"
)

// ErrSignature means that a signature was not created with this token for this
// document.
var ErrSignature = errors.New("the signature of cluster-info is invalid")

// Sign returns the detached JWS of document, created with tok: algorithm HS256, the
// token ID as key ID, the token's secret as key.
//
// Format: RFC 7515, section 7.1 and appendix F; the header is spelled as
// Kubernetes spells it, because the signature covers it.
func Sign(document []byte, tok token.Token) string {
	header := header(tok.ID())
	mac := hmac.New(sha256.New, []byte(tok.Secret()))
	mac.Write([]byte(header + "." + base64.RawURLEncoding.EncodeToString(document)))
	return header + ".." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func header(id string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"HS256","kid":"%s"}`, id))
}

// isSignature reports whether a string has the form of a signature of the token.
func isSignature(text, id string) bool {
	encoded, found := strings.CutPrefix(text, header(id)+"..")
	mac, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return found && err == nil && len(mac) == sha256.Size
}

// Verify returns ErrSignature unless signature is what Sign returns for the exact
// bytes of document. It compares in constant time and parses nothing, so no other
// algorithm, header or spelling can pass.
func Verify(document []byte, signature string, tok token.Token) error {
	if tok.IsZero() || !hmac.Equal([]byte(signature), []byte(Sign(document, tok))) {
		return &token.IDError{ID: tok.ID(), Err: ErrSignature}
	}
	return nil
}

package clusterinfo_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// golden is the signature of "hello" with abcdef.0123456789abcdef.
const golden = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..MxsnbCjBaYzcbNIFa06F-wuF9LX26rhMlrL4zA1511s"

func TestSign_Golden(t *testing.T) {
	if got := clusterinfo.Sign([]byte("hello"), testcluster.ParseToken(t)); got != golden {
		t.Errorf("signature = %s, want %s", got, golden)
	}
}

// jws creates a detached JWS with any header and any hash.
func jws(newHash func() hash.Hash, key, header, document string) string {
	encode := base64.RawURLEncoding.EncodeToString
	head := encode([]byte(header))
	mac := hmac.New(newHash, []byte(key))
	mac.Write([]byte(head + "." + encode([]byte(document))))
	return head + ".." + encode(mac.Sum(nil))
}

func TestVerify(t *testing.T) {
	const key, header = "0123456789abcdef", `{"alg":"HS256","kid":"abcdef"}`
	head, mac, _ := strings.Cut(golden, "..")
	tests := []struct {
		name      string
		document  string
		signature string
		wantErr   error
	}{
		{"golden", "hello", golden, nil},
		{"created by jws", "hello", jws(sha256.New, key, header, "hello"), nil},
		{"empty document", "", jws(sha256.New, key, header, ""), nil},
		{"other document", "hellp", golden, clusterinfo.ErrSignature},
		{"line feed after the document", "hello\n", golden, clusterinfo.ErrSignature},
		{"other secret", "hello", jws(sha256.New, "0123456789abcdeg", header, "hello"), clusterinfo.ErrSignature},
		{"no secret", "hello", jws(sha256.New, "", header, "hello"), clusterinfo.ErrSignature},
		{"other kid", "hello", jws(sha256.New, key, `{"alg":"HS256","kid":"abcdeg"}`, "hello"), clusterinfo.ErrSignature},
		{"no kid", "hello", jws(sha256.New, key, `{"alg":"HS256"}`, "hello"), clusterinfo.ErrSignature},
		{"other order", "hello", jws(sha256.New, key, `{"kid":"abcdef","alg":"HS256"}`, "hello"), clusterinfo.ErrSignature},
		{"space in the header", "hello", jws(sha256.New, key, `{"alg": "HS256","kid":"abcdef"}`, "hello"), clusterinfo.ErrSignature},
		{"HS384", "hello", jws(sha512.New384, key, `{"alg":"HS384","kid":"abcdef"}`, "hello"), clusterinfo.ErrSignature},
		{"none", "hello", jws(sha256.New, key, `{"alg":"none","kid":"abcdef"}`, "hello"), clusterinfo.ErrSignature},
		{"none without a MAC", "hello", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"abcdef"}`)) + "..", clusterinfo.ErrSignature},
		{"padding", "hello", golden + "=", clusterinfo.ErrSignature},
		{"line feed", "hello", golden + "\n", clusterinfo.ErrSignature},
		{"payload present", "hello", head + "." + base64.RawURLEncoding.EncodeToString([]byte("hello")) + "." + mac, clusterinfo.ErrSignature},
		{"truncated MAC", "hello", golden[:len(golden)-1], clusterinfo.ErrSignature},
		{"no MAC", "hello", head + "..", clusterinfo.ErrSignature},
		{"last bits changed", "hello", golden[:len(golden)-1] + "t", clusterinfo.ErrSignature},
		{"standard alphabet", "hello", strings.ReplaceAll(golden, "-", "+"), clusterinfo.ErrSignature},
		{"empty", "hello", "", clusterinfo.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			testcluster.WantError(t, clusterinfo.Verify([]byte(test.document), test.signature, testcluster.ParseToken(t)), test.wantErr)
		})
	}
}

// A zero token has no key, and anyone can sign with an empty key.
func TestVerify_NoToken(t *testing.T) {
	signature := clusterinfo.Sign([]byte("hello"), token.Token{})
	testcluster.WantError(t, clusterinfo.Verify([]byte("hello"), signature, token.Token{}), clusterinfo.ErrSignature)
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte("hello"), golden)
	f.Add([]byte("hello"), golden+"=")
	f.Add([]byte(""), "..")
	tok := testcluster.ParseToken(f)
	f.Fuzz(func(t *testing.T, document []byte, signature string) {
		want := jws(sha256.New, tok.Secret(), `{"alg":"HS256","kid":"abcdef"}`, string(document))
		if got := clusterinfo.Sign(document, tok); got != want {
			t.Errorf("signature = %s, want %s", got, want)
		}
		testcluster.WantError(t, clusterinfo.Verify(document, want, tok), nil)
		if err := clusterinfo.Verify(document, signature, tok); (err == nil) != (signature == want) {
			t.Errorf("Verify(%q) = %v", signature, err)
		}
	})
}

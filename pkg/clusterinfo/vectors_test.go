package clusterinfo_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// vectors are the signatures, pins and kubeconfigs in the tests of Kubernetes. Stricter
// names the row of docs/stricter.md that explains why bootctl rejects what Kubernetes
// accepts.
type vectors struct {
	Signatures []struct {
		Content, Token, Signature string
		Want                      bool
		Stricter                  string
	}
	Pins []struct {
		Text   string
		Want   bool
		Pinned bool // it is the pin of testdata/pinned.pem
	}
	Documents []struct {
		Name, Text string
		Want       bool
		Stricter   string
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	var v vectors
	if err := json.Unmarshal(readFile(t, "testdata/upstream.json"), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readCert(t *testing.T, path string) []*x509.Certificate {
	t.Helper()
	certs, err := certpem.Parse(readFile(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return certs
}

// compare compares a result of bootctl with the result of Kubernetes.
func compare(t *testing.T, what string, err error, want bool, stricter string) {
	t.Helper()
	if stricter != "" {
		if !strings.Contains(string(readFile(t, "../../docs/stricter.md")), "| "+stricter+" |") {
			t.Errorf("docs/stricter.md has no row %s", stricter)
		}
		want = false
	}
	if (err == nil) != want {
		t.Errorf("%s: %v, want success %v", what, err, want)
	}
}

func TestVerify_UpstreamSignatures(t *testing.T) {
	for _, v := range readVectors(t).Signatures {
		tok, err := token.Parse(v.Token)
		if err == nil {
			err = clusterinfo.Verify([]byte(v.Content), v.Signature, tok)
		}
		compare(t, v.Signature, err, v.Want, v.Stricter)
	}
}

func TestPinOf_Upstream(t *testing.T) {
	pinned, other := readCert(t, "testdata/pinned.pem"), readCert(t, "testdata/other.pem")
	for _, v := range readVectors(t).Pins {
		pin, err := clusterinfo.ParsePin(v.Text)
		compare(t, v.Text, err, v.Want, "")
		if got := err == nil && pin == clusterinfo.PinOf(pinned[0]); got != v.Pinned {
			t.Errorf("%s is the pin: %v, want %v", v.Text, got, v.Pinned)
		}
		if err == nil && pin == clusterinfo.PinOf(other[0]) {
			t.Errorf("%s is the pin of another certificate", v.Text)
		}
	}
}

func TestParseDocument_Upstream(t *testing.T) {
	bundle := base64.StdEncoding.EncodeToString(readFile(t, "testdata/pinned.pem"))
	for _, v := range readVectors(t).Documents {
		_, err := clusterinfo.ParseDocument([]byte(strings.Replace(v.Text, "data: CA\n", "data: "+bundle+"\n", 1)))
		compare(t, v.Name, err, v.Want, v.Stricter)
	}
}

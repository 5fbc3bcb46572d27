package csr_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestValidateNodeName(t *testing.T) {
	tests := []struct {
		name, node string
		wantErr    error
	}{
		{"name", "worker-1", nil},
		{"domain", "worker-1.example.com", nil},
		{"longest", strings.Repeat("a.", 126) + "a", nil},
		{"too long", strings.Repeat("a.", 126) + "aa", csr.ErrInvalidNodeName},
		{"empty", "", csr.ErrInvalidNodeName},
		{"upper case", "Worker-1", csr.ErrInvalidNodeName},
		{"underscore", "worker_1", csr.ErrInvalidNodeName},
		{"colon", "worker:1", csr.ErrInvalidNodeName},
		{"slash", "../worker", csr.ErrInvalidNodeName},
		{"dash in front", "-worker", csr.ErrInvalidNodeName},
		{"dot at the end", "worker.", csr.ErrInvalidNodeName},
		{"line feed", "worker-1\n", csr.ErrInvalidNodeName},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			testcsr.WantError(t, csr.ValidateNodeName(test.node), test.wantErr)
		})
	}
}

func TestNewNodeRequest(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		key  crypto.Signer
		want []string // usages
	}{
		{"ECDSA", testcsr.NewKey(t), []string{"digital signature", "client auth"}},
		{"RSA", rsaKey, []string{"digital signature", "client auth", "key encipherment"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec, err := csr.NewNodeRequest(testcsr.NodeName, test.key, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			again, err := csr.NewNodeRequest(testcsr.NodeName, test.key, rand.Reader)
			if err != nil || again.Name != spec.Name || !strings.HasPrefix(spec.Name, "node-csr-") {
				t.Errorf("names %q and %q, %v, want the same name", spec.Name, again.Name, err)
			}
			decoded := csr.Decode(spec)
			if decoded.Problem != "" || decoded.NodeName() != testcsr.NodeName || !slices.Equal(decoded.Usages, test.want) {
				t.Errorf("problem %q, node %q, usages %q", decoded.Problem, decoded.NodeName(), decoded.Usages)
			}
			if subject := decoded.PKCS10.Subject.ToRDNSequence().String(); subject != "CN=system:node:worker-1,O=system:nodes" {
				t.Errorf("subject = %s", subject)
			}
			if decoded.SignerName != "kubernetes.io/kube-apiserver-client-kubelet" || decoded.ExpirationSeconds != 0 {
				t.Errorf("signer %s, expiration %d", decoded.SignerName, decoded.ExpirationSeconds)
			}
			if got, want := csr.Fingerprint(decoded.PKCS10.PublicKey), csr.Fingerprint(test.key.Public()); got != want {
				t.Errorf("the CSR is for key %s, want %s", got, want)
			}
		})
	}
	_, err = csr.NewNodeRequest("Worker", testcsr.NewKey(t), rand.Reader)
	testcsr.WantError(t, err, csr.ErrInvalidNodeName)
}

func TestNewNodeRequest_Name(t *testing.T) {
	key := testcsr.NewKey(t)
	names := map[string]bool{}
	for _, node := range []string{"worker-1", "worker-2"} {
		for _, k := range []crypto.Signer{key, testcsr.NewKey(t)} {
			spec, err := csr.NewNodeRequest(node, k, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			names[spec.Name] = true
		}
	}
	if len(names) != 4 {
		t.Errorf("%d names for four CSRs", len(names))
	}
}

func TestParseRequest(t *testing.T) {
	key := testcsr.NewKey(t)
	good := testcsr.PKCS10(t, key)
	request, err := csr.ParseRequest(good)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Clone(request.Raw)
	forged[len(forged)-1] ^= 1
	other := bytes.Replace(request.Raw, []byte(testcsr.NodeName), []byte("worker-2"), 1)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tests := []struct {
		name    string
		text    []byte
		wantErr error
	}{
		{"valid", good, nil},
		{"white space after", join(good, []byte(" \n")), nil},
		{"empty", nil, csr.ErrInvalidRequest},
		{"DER", request.Raw, csr.ErrInvalidRequest},
		{"headers", testcsr.Block("CERTIFICATE REQUEST", map[string]string{"a": "b"}, request.Raw), csr.ErrInvalidRequest},
		{"two blocks", join(good, good), csr.ErrInvalidRequest},
		{"text before", join([]byte("text\n"), good), csr.ErrInvalidRequest},
		{"malformed block before", join([]byte("-----BEGIN X-----\n*\n"), good), csr.ErrInvalidRequest},
		{"text after", join(good, []byte("text\n")), csr.ErrInvalidRequest},
		{"other type", testcsr.Block("NEW CERTIFICATE REQUEST", nil, request.Raw), csr.ErrInvalidRequest},
		{"not a PKCS#10 request", testcsr.Block("CERTIFICATE REQUEST", nil, []byte("x")), csr.ErrInvalidRequest},
		{"bytes after the request", testcsr.Block("CERTIFICATE REQUEST", nil, append(bytes.Clone(request.Raw), 0)), csr.ErrInvalidRequest},
		{"changed signature", testcsr.Block("CERTIFICATE REQUEST", nil, forged), csr.ErrInvalidRequest},
		{"changed subject", testcsr.Block("CERTIFICATE REQUEST", nil, other), csr.ErrInvalidRequest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := csr.ParseRequest(test.text)
			testcsr.WantError(t, err, test.wantErr)
			if (got == nil) != (test.wantErr != nil) {
				t.Errorf("request = %v", got)
			}
		})
	}
}

func FuzzParseRequest(f *testing.F) {
	good := testcsr.PKCS10(f, testcsr.NewKey(f))
	f.Add(good)
	f.Add(append([]byte("-----BEGIN X-----\n*\n"), good...))
	f.Add(append(bytes.Clone(good), good...))
	f.Add(bytes.Replace(good, []byte("REQUEST-----\n"), []byte("REQUEST-----\na: b\n\n"), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		request, err := csr.ParseRequest(text)
		if err != nil {
			testcsr.WantError(t, err, csr.ErrInvalidRequest)
			return
		}
		if got, want := noSpace(text), noSpace(testcsr.Block("CERTIFICATE REQUEST", nil, request.Raw)); got != want {
			t.Errorf("accepted more than one request: %q", text)
		}
	})
}

func noSpace(text []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, string(text))
}

func TestAddSANs(t *testing.T) {
	var template x509.CertificateRequest
	err := csr.AddSANs(&template, "a.example", "*.b.example", "192.0.2.1", "2001:db8::1", "jane@example.com", "spiffe://example.com/@x")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(csr.Request{PKCS10: &template}.SANs(), " ")
	if want := "DNS:a.example DNS:*.b.example IP:192.0.2.1 IP:2001:db8::1 email:jane@example.com URI:spiffe://example.com/@x"; got != want {
		t.Errorf("names = %s, want %s", got, want)
	}
	for _, name := range []string{"", "a_b", "A", "x://%zz", "a.*"} {
		testcsr.WantError(t, csr.AddSANs(&template, name), csr.ErrInvalidSAN)
	}
}

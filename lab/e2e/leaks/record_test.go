package leaks

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// TestJoin_SendsNoPrivateKey joins through a proxy that records the plaintext, and searches
// it for the private key, and every written file for the token.
func TestJoin_SendsNoPrivateKey(t *testing.T) {
	dir := t.TempDir()
	server, err := labtest.Start(filepath.Join(dir, "lab"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop() //nolint:errcheck // the test is over
	proxy, err := faultproxy.Before(server)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close() //nolint:errcheck // the test is over

	bootctl := func(args ...string) string {
		t.Helper()
		cmd := server.Command("bootctl", args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("bootctl %s: %v\n%s", args, err, &stderr)
		}
		return strings.TrimSpace(string(out))
	}
	bootctl("setup", "--endpoint", proxy.URL)
	token := bootctl("token", "create")
	tokenFile := filepath.Join(dir, "token")
	if err := os.WriteFile(tokenFile, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(dir, "node")
	who := bootctl("join", proxy.URL, "--token-file", tokenFile, "--ca-file", server.CAFile,
		"--node-name", "recorded", "--rootfs", node, "-o", "jsonpath={.username}")
	if who != "system:node:recorded" {
		t.Errorf("the node authenticates as %q", who)
	}

	record := proxy.Recorded()
	for _, must := range []string{"POST /apis/certificates.k8s.io/v1/certificatesigningrequests", "selfsubjectreviews", "Bearer " + token} {
		if !bytes.Contains(record, []byte(must)) {
			t.Errorf("the record lacks %q, so it is incomplete", must)
		}
	}
	key := readPrivateKey(t, filepath.Join(node, "var/lib/kubelet/pki/kubelet-client-current.pem"))
	if found := findFragment(record, key); found != "" {
		t.Errorf("the private key was sent as %s", found)
	}
	for name, planted := range encodingsOf(key) {
		if findFragment(append(bytes.Clone(record), planted[3:]...), key) == "" {
			t.Errorf("a planted part of the key is not found: %s", name)
		}
	}
	wantNoFileWith(t, node, token)
}

func readPrivateKey(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest := certpem.Split(text)
	parsed, err := csr.ParseKey(rest)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", parsed)
	}
	raw, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// encodingsOf returns the key in the encodings in which it could be sent.
func encodingsOf(key []byte) map[string][]byte {
	forms := map[string][]byte{"raw": key, "hex": []byte(hex.EncodeToString(key))}
	for offset, name := range []string{"base64", "base64 shifted by 1", "base64 shifted by 2"} {
		whole := base64.StdEncoding.EncodeToString(append(make([]byte, offset), key...))
		forms[name] = []byte(whole[4 : len(whole)-4]) // without the characters that depend on adjacent bytes
	}
	return forms
}

// findFragment returns the encoding in which the record has a part of the key: 8 bytes, or
// the same number of characters in another encoding.
func findFragment(record, key []byte) string {
	for name, form := range encodingsOf(key) {
		run := 8
		if name != "raw" {
			run = 12
		}
		for at := 0; at+run <= len(form); at++ {
			if bytes.Contains(record, form[at:at+run]) {
				return name
			}
		}
	}
	return ""
}

// wantNoFileWith checks that no file below dir contains the token or its secret half, in
// plaintext or base64.
func wantNoFileWith(t *testing.T, dir, token string) {
	t.Helper()
	secret := token[7:]
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for name, form := range encodingsOf([]byte(secret)) {
			if bytes.Contains(text, form) {
				t.Errorf("%s contains the token: %s", path, name)
			}
		}
		return nil
	})
	if err != nil || files != 3 {
		t.Errorf("%d files were checked, want 3 (%v)", files, err)
	}
}

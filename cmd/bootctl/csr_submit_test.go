package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestSubmit_Usage(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	key, otherKey := filepath.Join(dir, "key"), filepath.Join(dir, "other")
	text, err := csr.EncodeKey(testca.Key(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(otherKey, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ args, want string }{
		"no CSR":                      {"", "specify one of --node, --cn, and -f"},
		"node and common name":        {"--node n1 --cn jane --key " + key, "specify one of --node, --cn, and -f"},
		"no key":                      {"--node n1", "specify --key, the private key file"},
		"invalid node name":           {"--node N1 --key " + key, "invalid node name: "},
		"organization of a node":      {"--node n1 --org dev --key " + key, "--org requires --cn"},
		"names for a file":            {"-f testdata/hostile.csr --san a", "--san cannot be used with -f"},
		"kubeconfig without a key":    {"-f testdata/hostile.csr --wait -o kubeconfig", "-o kubeconfig refers to the private key file, so it requires --key"},
		"certificate without waiting": {"--cn jane --key " + key + " -o pem", "-o pem prints the certificate, so it requires --wait"},
		"invalid name":                {"--cn jane --san a_b --key " + key, "--san \"a_b\" is not a DNS name"},
		"short expiration":            {"--cn jane --expiration 5m --key " + key, "the CSR would not be signed: a lifetime of 5m0s"},
		"expiration of zero":          {"--cn jane --expiration 0 --key " + key, "--expiration must be positive"},
		"masters":                     {"--cn jane --org system:masters --key " + key, "the CSR would not be signed by kubernetes.io/kube-apiserver-client: the API server does not allow the organization system:masters"},
		"wrong usages":                {`--cn jane --usages "server auth" --key ` + key, "the CSR would not be signed by kubernetes.io/kube-apiserver-client: the usage \"server auth\" is not for clients"},
		"unknown usages":              {"--cn jane --signer example.com/x --key " + key, "the CSR would not be signed: the usages that \"example.com/x\" accepts are unknown"},
		"unknown signer":              {`--cn jane --signer kubernetes.io/x --usages "digital signature" --key ` + key, "the CSR would not be signed by kubernetes.io/x: Kubernetes has no signer with this name"},
		"invalid key":                 {"--cn jane --key " + junk, junk + ": invalid private key: it has no PEM block with a private key"},
		"another key than the file's": {"-f testdata/hostile.csr --key " + otherKey, otherKey + ": invalid private key: the CSR is for another key"},
		"CA without waiting":          {"--cn jane --ca-file x --key " + key, "--ca-file verifies the certificate, so it requires --wait"},
		"invalid CSR":                 {"-f " + junk, "not a PKCS#10 certificate request: expected a PEM block"},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, []runtime.Object{}, append([]string{"csr", "submit"}, shellWords(test.args)...)...)
			if _, err := os.Stat(key); got.code != 2 || got.out != "" || err == nil || !strings.Contains(got.errOut, "bootctl: error: "+test.want) {
				t.Errorf("exit code %d, stdout %q, key file error %v; want 2, nothing, no key, and %q; stderr %s", got.code, got.out, err, test.want, got.errOut)
			}
		})
	}
}

func TestSubmit_AdoptsOwnCSR(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	got := invoke(t, []runtime.Object{}, "csr", "submit", "--cn", "jane", "--key", key)
	info, err := os.Stat(key)
	if got.code != 0 || !strings.HasPrefix(got.out, "csr-") || err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("exit code %d, stdout %q; key %v, %v; stderr %s", got.code, got.out, info, err, got.errOut)
	}
	again := invoke(t, []runtime.Object{}, "csr", "submit", "--cn", "jane", "--key", key)
	if again.out != got.out {
		t.Errorf("second name %q, want %q", again.out, got.out)
	}
}

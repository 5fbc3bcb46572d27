package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

func TestPublish_Confirmation(t *testing.T) {
	got := invoke(t, hostileCluster(t), "cluster-info", "publish", "--endpoint", "198.51.100.1:6443")
	if got.code != 2 || got.out != "" || !strings.Contains(got.errOut, "(ConfirmationRequired)") {
		t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.out, got.errOut)
	}
	for _, line := range []string{"- address " + nodesServer, "+ address https://198.51.100.1:6443"} {
		if !strings.Contains(got.errOut, line) {
			t.Errorf("stderr %q lacks %q", got.errOut, line)
		}
	}
	got = invoke(t, hostileCluster(t), "cluster-info", "publish", "--endpoint", "198.51.100.1:6443", "--dry-run", "-o", "jsonpath={.written} {.dryRun} {.after.server}")
	if got.code != 0 || got.out != "false true https://198.51.100.1:6443" {
		t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.out, got.errOut)
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSign_Files(t *testing.T) {
	shown := invoke(t, hostileCluster(t), "cluster-info", "show", "-o", "kubeconfig")
	file := writeFile(t, "kubeconfig", shown.out)
	tokenFile := writeFile(t, "token", plantedID+"."+planted+"\n")
	tok, err := token.Parse(plantedID + "." + planted)
	if err != nil {
		t.Fatal(err)
	}
	signature := clusterinfo.Sign([]byte(shown.out), tok)
	if got := invoke(t, nil, "cluster-info", "sign", "--file", file, "--token-file", tokenFile); got.out != signature+"\n" || got.code != 0 {
		t.Errorf("signature %q, want %q; stderr %q", got.out, signature, got.errOut)
	}
	configMap := func(signature string) string {
		return writeFile(t, "cm.yaml", "kind: ConfigMap\ndata:\n  jws-kubeconfig-"+plantedID+": "+signature+"\n  kubeconfig: |\n    "+strings.ReplaceAll(strings.TrimSpace(shown.out), "\n", "\n    ")+"\n")
	}
	tests := []struct {
		name, file string
		args       []string
		code       int
		reason     string
	}{
		{"valid", configMap(signature), nil, 0, ""},
		{"another signature", configMap(strings.ToUpper(signature)), nil, 4, "SignatureInvalid"},
		{"another pin", configMap(signature), []string{"--ca-cert-hash", "sha256:" + strings.Repeat("1", 64)}, 4, "PinMismatch"},
		{"no signature", file, nil, 4, "SignatureMissing"},
		{"no file", file + "x", nil, 10, "LocalFile"},
		{"both", file, []string{"--endpoint", "x"}, 2, "--file and --endpoint cannot be used together"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := invoke(t, nil, append([]string{"cluster-info", "verify", "--file", test.file, "--token-file", tokenFile, "-o", "json"}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.errOut, test.reason) || (test.code == 0) != (got.out != "") {
				t.Errorf("exit code %d, want %d; stdout %q, stderr %q", got.code, test.code, got.out, got.errOut)
			}
		})
	}
	if got := invoke(t, nil, "cluster-info", "sign", "--file", tokenFile, "--token-file", tokenFile); got.code != 4 || strings.Contains(got.errOut, planted) {
		t.Errorf("not a kubeconfig: exit code %d, stderr %q", got.code, got.errOut)
	}
}

func TestPin_File(t *testing.T) {
	cert := testca.New(t, time.Now()).Certificate
	ca, pin := string(certpem.Encode(cert)), clusterinfo.PinOf(cert).String()+"\n"
	for name, test := range map[string]struct {
		text, want string
		code       int
	}{
		"one": {ca, pin, 0}, "a bundle": {ca + ca, pin + pin, 0}, "nothing": {"", "", 2}, "a key": {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := invoke(t, nil, "cluster-info", "pin", writeFile(t, "ca.crt", test.text)); got.out != test.want || got.code != test.code {
				t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.out, got.errOut)
			}
		})
	}
}

// A CA that nodes would reject is not published.
func TestPublish_UnusableCA(t *testing.T) {
	for name, change := range map[string]func(*x509.Certificate){
		"leaf": func(c *x509.Certificate) { c.IsCA = false },
		"expired": func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = c.NotBefore.AddDate(-1, 0, 0), c.NotBefore.AddDate(0, -1, 0)
		},
	} {
		file := writeFile(t, "ca.crt", string(certpem.Encode(testca.New(t, time.Now(), change).Certificate)))
		for _, command := range []string{"cluster-info publish --yes", "setup --force", "setup -o yaml"} {
			args := append(strings.Fields(command), "--endpoint", "192.0.2.1", "--ca-file", file)
			if got := invoke(t, hostileCluster(t), args...); got.code != 2 || got.out != "" || !strings.Contains(got.errOut, "nodes would reject the CA in ") {
				t.Errorf("%s, %s: exit code %d, stdout %q, stderr %q", name, command, got.code, got.out, got.errOut)
			}
		}
	}
}

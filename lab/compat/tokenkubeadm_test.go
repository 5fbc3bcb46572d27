package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	kubeletbootstrap "k8s.io/kubernetes/pkg/kubelet/certificate/bootstrap"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/lab/labtest"
)

// tokenPattern matches the token, the only difference between two join commands.
var tokenPattern = regexp.MustCompile(`--token [a-z0-9]{6}\.[a-z0-9]{16}`)

// TestJoinCommand_EqualsKubeadm compares the join commands byte for byte, for a cluster
// with one CA and for one with several.
func TestJoinCommand_EqualsKubeadm(t *testing.T) {
	server := startLab(t)
	tests := []struct {
		name       string
		kubeconfig string
		pins       int
	}{
		{"one CA", server.Kubeconfig, 1},
		{"five CAs", withMoreCAs(t, server), 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bootctl(t, server, "bootctl", "setup", "--endpoint", server.URL(), "--kubeconfig", test.kubeconfig, "--force")
			bootctl(t, server, "bootctl", "cluster-info", "publish", "--yes", "--endpoint", server.URL(), "--kubeconfig", test.kubeconfig)
			theirs := printed(t, server, "kubeadm", "token", "create", "--print-join-command", "--kubeconfig", test.kubeconfig)
			ours := printed(t, server, "bootctl", "token", "create", "--print-join-command=kubeadm", "--kubeconfig", test.kubeconfig)
			if tokenPattern.ReplaceAllString(ours, "") != tokenPattern.ReplaceAllString(theirs, "") || tokenPattern.FindString(ours) == "" {
				t.Errorf("bootctl prints\n%q\nkubeadm\n%q", ours, theirs)
			}
			if tokenPattern.FindString(ours) == tokenPattern.FindString(theirs) || strings.Count(theirs, "sha256:") != test.pins {
				t.Errorf("kubeadm prints %q: this proves nothing", theirs)
			}
		})
	}
}

// printed returns the program's stdout.
func printed(t *testing.T, server *labtest.Server, program string, args ...string) string {
	t.Helper()
	out, err := server.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", program, args, err)
	}
	return string(out)
}

// withMoreCAs returns the administrator's kubeconfig with four more CAs after the
// cluster's.
func withMoreCAs(t *testing.T, server *labtest.Server) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(server.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(server.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range config.Clusters {
		cluster.CertificateAuthority, cluster.CertificateAuthorityData = "", append(ca, certpem.Encode(certificates(t)...)...)
	}
	path := filepath.Join(t.TempDir(), "more.conf")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// uploadConfig configures kubeadm to create its own certificates and upload them.
const uploadConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 192.0.2.1
nodeRegistration:
  criSocket: unix:///x
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
certificatesDir: %s
`

// TestTokenDelete_ProxyTokens uploads control plane certificates with kubeadm. They
// expire with a token that has no usage.
func TestTokenDelete_ProxyTokens(t *testing.T) {
	server := startLabWithout(t, "tokencleaner")
	dir := t.TempDir()
	config := filepath.Join(dir, "kubeadm.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, uploadConfig, filepath.Join(dir, "pki")), 0o600); err != nil {
		t.Fatal(err)
	}
	bootctl(t, server, "kubeadm", "init", "phase", "certs", "all", "--config", config)
	bootctl(t, server, "kubeadm", "init", "phase", "upload-certs", "--upload-certs", "--config", config, "--kubeconfig", server.Kubeconfig)
	expired := bootctl(t, server, "bootctl", "token", "create", "-q")

	items := listed(t, server)
	var proxy string
	for id, item := range items {
		if item.Status == "proxy" {
			proxy = id
		}
	}
	if len(items) != 2 || proxy == "" || items[expired].Status != "valid" {
		t.Fatalf("token list prints %+v", items)
	}
	end(t, server, proxy)
	end(t, server, expired)
	t.Logf("kubeadm's token, expired: %+v", listed(t, server)[proxy])
	remove := server.Command("bootctl", "token", "delete", "--expired", "-q")
	var stderr bytes.Buffer
	remove.Stderr = &stderr
	removed, err := remove.Output()
	if err != nil || string(removed) != expired+"\n" || !strings.Contains(stderr.String(), proxy+" is skipped") {
		t.Errorf("token delete --expired: %v, stdout %q, stderr %q", err, removed, &stderr)
	}
	if left := listed(t, server); len(left) != 1 || left[proxy].ID == "" {
		t.Errorf("remaining: %+v", left)
	}
	client, err := server.Client("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Secrets(metav1.NamespaceSystem).Get(t.Context(), "kubeadm-certs", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

// listed returns the result of token list by token ID.
func listed(t *testing.T, server *labtest.Server) map[string]output.TokenInfo {
	t.Helper()
	var list output.TokenList
	if err := json.Unmarshal([]byte(bootctl(t, server, "bootctl", "token", "list", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	items := map[string]output.TokenInfo{}
	for _, item := range list.Items {
		items[item.ID] = item
	}
	return items
}

// end sets a token's expiration to the distant past.
func end(t *testing.T, server *labtest.Server, id string) {
	t.Helper()
	client, err := server.Client("")
	if err != nil {
		t.Fatal(err)
	}
	patch := []byte(`{"stringData":{"expiration":"2020-01-01T00:00:00Z"}}`)
	if _, err := client.CoreV1().Secrets(metav1.NamespaceSystem).Patch(t.Context(), "bootstrap-token-"+id, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestBootstrapKubeconfig_AcceptedByKubelet bootstraps with the kubelet's own code from
// the output of token create, with the real approver and signer.
func TestBootstrapKubeconfig_AcceptedByKubelet(t *testing.T) {
	server := startLab(t)
	bootctl(t, server, "bootctl", "setup", "--endpoint", server.URL())
	dir := t.TempDir()
	bootstrap, kubeconfig := filepath.Join(dir, "bootstrap.conf"), filepath.Join(dir, "kubelet.conf")
	if err := os.WriteFile(bootstrap, []byte(printed(t, server, "bootctl", "token", "create", "-o", "bootstrap-kubeconfig")), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), labtest.Hang)
	defer cancel()
	if err := kubeletbootstrap.LoadClientCert(ctx, kubeconfig, bootstrap, dir, "from-bootctl"); err != nil {
		t.Fatal(err)
	}
	certificate, err := os.ReadFile(filepath.Join(dir, "kubelet-client-current.pem"))
	if err != nil {
		t.Fatal(err)
	}
	certs, _ := certpem.Split(certificate)
	parsed, err := certpem.Parse(certs)
	if err != nil || len(parsed) == 0 || parsed[0].Subject.CommonName != "system:node:from-bootctl" {
		t.Fatalf("the kubelet got %v, %v", parsed, err)
	}
	who := bootctl(t, server, "kubectl", "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}", "--kubeconfig", kubeconfig)
	if who != "system:node:from-bootctl" {
		t.Errorf("the kubelet authenticates as %q", who)
	}
}

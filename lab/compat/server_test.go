package compat

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	kubeadmtoken "k8s.io/kubernetes/cmd/kubeadm/app/discovery/token"
	clusterinfophase "k8s.io/kubernetes/cmd/kubeadm/app/phases/bootstraptoken/clusterinfo"
	nodephase "k8s.io/kubernetes/cmd/kubeadm/app/phases/bootstraptoken/node"
	kubeletbootstrap "k8s.io/kubernetes/pkg/kubelet/certificate/bootstrap"

	"github.com/bootctl/bootctl/lab/labtest"
)

// certificates returns a CA certificate with a key of each type.
func certificates(t *testing.T) []*x509.Certificate {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var certs []*x509.Certificate
	for i, key := range []crypto.Signer{ec, ec384, rsa2048, ed} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i)), Subject: pkix.Name{CommonName: fmt.Sprint("ca ", i)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
	}
	return certs
}

// TestControlPlane_SetUpByBootctl runs upstream code on a control plane that only
// bootctl setup prepared.
func TestControlPlane_SetUpByBootctl(t *testing.T) {
	server := startLab(t)
	bootctl(t, server, "bootctl", "setup", "--endpoint", server.URL())
	tok := bootctl(t, server, "bootctl", "token", "create", "--description", "ours")
	pin := bootctl(t, server, "bootctl", "cluster-info", "show", "-o", "jsonpath={.caCertificates[0].pin}")

	t.Run("kubeadm lists bootctl's token", func(t *testing.T) {
		if list := bootctl(t, server, "kubeadm", "token", "list"); !strings.Contains(list, tok) || !strings.Contains(list, "ours") {
			t.Errorf("kubeadm token list printed\n%s", list)
		}
	})
	t.Run("kubeadm discovers", func(t *testing.T) { kubeadmDiscovers(t, server, tok, pin) })
	t.Run("kubeadm discovers the published cluster-info, with every token", func(t *testing.T) {
		tokens := []string{tok, bootctl(t, server, "bootctl", "token", "create"), bootctl(t, server, "bootctl", "token", "create", "--usages", "signing")}
		bootctl(t, server, "bootctl", "cluster-info", "publish", "--endpoint", server.URL())
		for _, tok := range tokens {
			kubeadmDiscovers(t, server, tok, pin)
		}
	})
	t.Run("kubelet names CSRs like bootctl", func(t *testing.T) { kubeletBootstraps(t, server, tok) })
}

// TestControlPlane_SetUpByKubeadm prepares a control plane with kubeadm's own phases. setup then
// finds all its objects, with exactly the same permissions.
func TestControlPlane_SetUpByKubeadm(t *testing.T) {
	server := startLab(t)
	config, err := clientcmd.LoadFromFile(server.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	for _, prepare := range []func() error{
		func() error { return clusterinfophase.CreateBootstrapConfigMapIfNotExists(client, config) },
		func() error { return clusterinfophase.CreateClusterInfoRBACRules(client) },
		func() error { return nodephase.AllowBootstrapTokensToPostCSRs(client) },
		func() error { return nodephase.AllowBootstrapTokensToGetNodes(client) },
		func() error { return nodephase.AutoApproveNodeBootstrapTokens(client) },
		func() error { return nodephase.AutoApproveNodeCertificateRotation(client) },
	} {
		if err := prepare(); err != nil {
			t.Fatal(err)
		}
	}
	done := bootctl(t, server, "bootctl", "setup", "--endpoint", server.URL())
	if strings.Count(done, "unchanged") != 8 || strings.Contains(done, "created") || strings.Contains(done, "updated") {
		t.Errorf("setup did not find exactly the objects that kubeadm created:\n%s", done)
	}
}

func kubeadmDiscovers(t *testing.T, server *labtest.Server, tok, pin string) {
	t.Helper()
	discovery := &kubeadmapi.Discovery{BootstrapToken: &kubeadmapi.BootstrapTokenDiscovery{
		Token: tok, APIServerEndpoint: strings.TrimPrefix(server.URL(), "https://"), CACertHashes: []string{pin},
	}}
	config, err := kubeadmtoken.RetrieveValidatedConfigInfo(nil, discovery, labtest.Hang)
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range config.Clusters {
		if cluster.Server != server.URL() {
			t.Errorf("kubeadm found the server %s, want %s", cluster.Server, server.URL())
		}
	}
	discovery.BootstrapToken.CACertHashes = []string{"sha256:" + strings.Repeat("1", 64)}
	if _, err := kubeadmtoken.RetrieveValidatedConfigInfo(nil, discovery, time.Second); err == nil {
		t.Error("kubeadm accepts a wrong pin, so this proves nothing")
	}
}

// kubeletBootstraps bootstraps with the kubelet's own code and the recorded keys, and
// finds its CSRs under the recorded names.
func kubeletBootstraps(t *testing.T, server *labtest.Server, tok string) {
	t.Helper()
	text, err := os.ReadFile("../../pkg/csr/testdata/names.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ NodeName, Key, Name string }
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		kubeletBootstrap(t, server, tok, types.NodeName(v.NodeName), []byte(v.Key))
		names := bootctl(t, server, "bootctl", "csr", "list", "-q")
		if !slices.Contains(strings.Fields(names), v.Name) {
			t.Errorf("the CSR name for %s is recorded as %s; the cluster has %s", v.NodeName, v.Name, names)
		}
	}
}

func kubeletBootstrap(t *testing.T, server *labtest.Server, tok string, name types.NodeName, key []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kubelet-client.key.tmp"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	bootstrap := filepath.Join(dir, "bootstrap.conf")
	if err := server.WriteBootstrapKubeconfig(bootstrap, tok); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), labtest.Hang)
	defer cancel()
	if err := kubeletbootstrap.LoadClientCert(ctx, filepath.Join(dir, "kubelet.conf"), bootstrap, dir, name); err != nil {
		t.Fatal(err)
	}
}

func bootctl(t *testing.T, server *labtest.Server, program string, args ...string) string {
	t.Helper()
	out, err := server.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", program, args, err)
	}
	return strings.TrimSpace(string(out))
}

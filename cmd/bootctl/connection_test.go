package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// connectionFlags are those that the commands with the administrator's connection
// have, and no others, except that join has --request-timeout as well.
func connectionFlags() []string {
	return []string{
		"as", "as-group", "as-uid", "certificate-authority", "client-certificate", "client-key", "cluster", "context",
		"kubeconfig", "request-timeout", "server", "tls-server-name", "user",
	}
}

func TestConnectionFlags_Commands(t *testing.T) {
	offline := []string{"join", "version", "options", "token generate"}
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		isOwn := path == "join" // has no administrator's connection, but --request-timeout
		isOffline := slices.Contains(offline, path) || strings.HasPrefix(path, "lab ") || strings.HasPrefix(path, "completion ")
		for _, name := range connectionFlags() {
			if flag := leaf.Flag(name); (flag == nil || flag.Value.Type() == "boolfunc") != (isOffline && (!isOwn || name != "request-timeout")) {
				t.Errorf("bootctl %s: --%s is %v", path, name, flag)
			}
		}
		for _, name := range []string{"token", "password", "username", "namespace", "insecure-skip-tls-verify", "cache-dir", "disable-compression", "proxy-url"} {
			if flag := leaf.Flag(name); flag != nil && !isOwn && slices.Contains(flag.Annotations["group"], "Connection Flags") {
				t.Errorf("bootctl %s has --%s", path, name)
			}
		}
	}
}

func TestConnectionFlags_Help(t *testing.T) {
	got := invoke(t, nil, "csr", "list", "--help")
	own, apart, found := strings.Cut(got.out, "\nConnection Flags:\n")
	if !found || strings.Contains(own, "--as-group") || !strings.Contains(apart, "--as-group") || !strings.Contains(own, "--pending") || strings.Contains(apart, "--pending") {
		t.Errorf("help\n%s", got.out)
	}
	if got := invoke(t, nil, "join", "--help"); strings.Contains(got.out, "Connection Flags") {
		t.Errorf("help of join\n%s", got.out)
	}
}

// twoClusters is a kubeconfig of two clusters and users, of which the current
// context has the first of each.
func twoClusters(t *testing.T) string {
	t.Helper()
	ca := certpem.Encode(testca.New(t, time.Now()).Certificate)
	path := writeFile(t, "config", "")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{
			"one": {Server: "https://192.0.2.1:6443", CertificateAuthorityData: ca},
			"two": {Server: "https://192.0.2.2:6443", CertificateAuthorityData: ca},
		},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{
			"alice": {Token: "of alice"},
			"bob":   {Token: "of bob"},
			"carol": {ClientCertificateData: []byte("cert"), ClientKeyData: []byte("key")},
		},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "one", AuthInfo: "alice"}, "d": {Cluster: "two", AuthInfo: "carol"}},
		CurrentContext: "c",
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// connected returns the connection of a command that was given these flags.
func connected(t *testing.T, kubeconfig string, args ...string) (cli.AdminConfig, error) {
	t.Helper()
	e := &cli.Env{Getenv: func(name string) string { return map[string]string{"KUBECONFIG": kubeconfig}[name] }, Connection: cli.NewConnection()}
	cmd := &cobra.Command{}
	e.AddConnectionFlags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return e.AdminConfig()
}

func TestAdminConfig_Flags(t *testing.T) {
	kubeconfig := twoClusters(t)
	caFile := writeFile(t, "ca.crt", "a CA")
	tests := []struct {
		name  string
		args  []string
		check func(cli.AdminConfig) bool
		as    string
	}{
		{"none", nil, func(c cli.AdminConfig) bool {
			return c.Rest.Host == "https://192.0.2.1:6443" && c.Rest.BearerToken == "of alice"
		}, "context c"},
		{"context", []string{"--context", "d"}, func(c cli.AdminConfig) bool {
			return c.Rest.Host == "https://192.0.2.2:6443" && c.Rest.BearerToken == ""
		}, "context d"},
		{"cluster", []string{"--cluster", "two"}, func(c cli.AdminConfig) bool {
			return c.Rest.Host == "https://192.0.2.2:6443" && c.Rest.BearerToken == "of alice"
		}, "context c"},
		{"user", []string{"--user", "bob"}, func(c cli.AdminConfig) bool { return c.Rest.BearerToken == "of bob" }, "context c"},
		{"server", []string{"-s", "192.0.2.9"}, func(c cli.AdminConfig) bool { return c.Rest.Host == "https://192.0.2.9" }, "context c"},
		{"name of the server", []string{"--tls-server-name", "api"}, func(c cli.AdminConfig) bool { return c.Rest.ServerName == "api" }, "context c"},
		{"CA", []string{"--certificate-authority", caFile}, func(c cli.AdminConfig) bool { return c.Rest.CAFile == caFile && len(c.Rest.CAData) == 0 }, "context c"},
		{"certificate", []string{"--context", "d", "--client-certificate", caFile, "--client-key", caFile}, func(c cli.AdminConfig) bool {
			return c.Rest.CertFile == caFile && c.Rest.KeyFile == caFile && len(c.Rest.CertData) == 0 && len(c.Rest.KeyData) == 0
		}, "context d"},
		{"impersonation", []string{"--as", "jane", "--as-uid", "1", "--as-group", "a", "--as-group", "b,c"}, func(c cli.AdminConfig) bool {
			i := c.Rest.Impersonate
			return i.UserName == "jane" && i.UID == "1" && slices.Equal(i.Groups, []string{"a", "b,c"})
		}, "jane, impersonated in context c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config, err := connected(t, kubeconfig, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			if !test.check(config) {
				t.Errorf("%v is %v", test.args, config.Rest)
			}
			if got := config.As; got != test.as {
				t.Errorf("as %q, want %q", got, test.as)
			}
		})
	}
}

func TestAdminConfig_WrongFlags(t *testing.T) {
	kubeconfig := writeFile(t, "config", "")
	path := twoClusters(t)
	tests := []struct {
		name string
		args []string
		says string
	}{
		{"group of nobody", []string{"--as-group", "a"}, "without impersonating a user"},
		{"no such context", []string{"--context", "x"}, `context "x" does not exist`},
		{"no such cluster", []string{"--cluster", "x"}, `cluster "x" does not exist`},
		{"no such user", []string{"--user", "x"}, `auth info "x" does not exist`},
		{"unencrypted", []string{"--server", "http://192.0.2.1"}, "unencrypted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := connected(t, path, test.args...); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %q", err, test.says)
			}
		})
	}
	if _, err := connected(t, kubeconfig, "--server", "https://192.0.2.1"); err == nil {
		t.Error("without a kubeconfig, --server alone is a connection")
	}
}

// Every request has the headers for impersonation.
func TestImpersonation_Headers(t *testing.T) {
	var headers []http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		headers = append(headers, req.Header)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"CertificateSigningRequestList","apiVersion":"certificates.k8s.io/v1","items":[]}`))
	}))
	defer server.Close()
	var out, errOut bytes.Buffer
	e := &cli.Env{
		Redact:    token.Redact,
		IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}, Now: time.Now, NewClient: kubeclient.New,
		Getenv: func(name string) string { return map[string]string{"KUBECONFIG": twoClusters(t)}[name] },
		Width:  func() int { return 0 },
	}
	code := run(t.Context(), e, []string{"--as", "jane", "csr", "list", "--server", server.URL, "--as-group", "a", "--as-group", "b", "-v", "1"})
	if code != 0 || len(headers) != 1 || headers[0].Get("Impersonate-User") != "jane" || !slices.Equal(headers[0].Values("Impersonate-Group"), []string{"a", "b"}) {
		t.Errorf("exit code %d, headers %v, stderr %s", code, headers, &errOut)
	}
	if !strings.Contains(errOut.String(), " as jane, impersonated in context c: 200 in ") {
		t.Errorf("stderr %s", &errOut)
	}
}

// A join that gets no answer sends the request again after the time that the flag gives,
// which is far less than the default.
func TestRequestTimeout_Join(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var requests atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if requests.Add(1) == 2 {
			cancel()
		}
		<-req.Context().Done()
	}))
	defer server.Close()
	var errOut bytes.Buffer
	e := &cli.Env{
		Redact:    token.Redact,
		IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: io.Discard, ErrOut: &errOut}, Now: time.Now, Random: rand.Reader,
		Getenv: func(string) string { return "" }, Width: func() int { return 0 },
	}
	begin := time.Now()
	run(ctx, e, []string{
		"join", server.URL, "--token", "abcdef.0123456789abcdef", "--unsafe-skip-ca-verification", "--node-name", "n", "--out-dir", t.TempDir(),
		"--timeout", "10m", "--request-timeout", "100ms",
	})
	if took := time.Since(begin); requests.Load() != 2 || took > 25*time.Second {
		t.Errorf("%d requests within %s, want two\n%s", requests.Load(), took, &errOut)
	}
}

func TestRequestTimeout_WrongValues(t *testing.T) {
	for _, text := range []string{"soon", "-5s", "-5"} {
		got := invoke(t, hostileCluster(t), "csr", "list", "--request-timeout", text)
		if got.code != 2 || got.out != "" || !strings.Contains(got.errOut, "--request-timeout accepts seconds") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", text, got.code, got.out, got.errOut)
		}
	}
}

package kubeclient_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// TestDownload runs its tests in a separate process that trusts the certificates of
// httptest, as a machine does on which an administrator has installed them.
func TestDownload(t *testing.T) {
	if os.Getenv("BOOTCTL_TEST_DOWNLOAD") == "" {
		server := httptest.NewTLSServer(nil)
		server.Close()
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(file, certpem.Encode(server.Certificate()), 0o600); err != nil {
			t.Fatal(err)
		}
		again := exec.Command(os.Args[0], "-test.run=^TestDownload$", "-test.v")
		again.Env = append(os.Environ(), "BOOTCTL_TEST_DOWNLOAD=1", "SSL_CERT_FILE="+file)
		if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestDownload/") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	hits := 0
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer elsewhere.Close()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good":
			_, _ = io.WriteString(w, "text")
		case "/large":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1001))
		case "/moved":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/slow":
			<-r.Context().Done()
		default:
			http.NotFound(w, r)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	tests := []struct {
		path    string
		wantErr func(error) bool
	}{
		{"/good", nil},
		{"/large", func(err error) bool { return errors.Is(err, kubeclient.ErrTooLarge) }},
		{"/moved", func(err error) bool { return errors.Is(err, kubeclient.ErrRedirect) && hits == 0 }},
		{"/missing", func(err error) bool { return errors.Is(err, kubeclient.ErrDownload) && !kubeclient.IsTransient(err) }},
		{"/busy", kubeclient.IsTransient},
		{"/slow", kubeclient.IsTransient},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			from, err := url.Parse(server.URL + test.path + "?key=s3cret")
			if err != nil {
				t.Fatal(err)
			}
			timeout := time.Minute
			if test.path == "/slow" {
				timeout = 500 * time.Millisecond
			}
			text, err := kubeclient.Download(t.Context(), from, 1000, kubeclient.Options{Timeout: timeout})
			if test.wantErr == nil && (err != nil || string(text) != "text") {
				t.Errorf("got %q, %v", text, err)
			}
			if test.wantErr != nil && (err == nil || !test.wantErr(err) || len(text) > 0 || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}

// A proxy is named without its password, even if it refuses, and not used with NoProxy.
func TestProxies(t *testing.T) {
	code := http.StatusProxyAuthRequired
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
	defer proxy.Close()
	through, err := url.Parse(strings.Replace(proxy.URL, "http://", "http://user:p4ssword@", 1))
	if err != nil {
		t.Fatal(err)
	}
	config := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, func(*httptest.Server) {})
	config.Proxy = http.ProxyURL(through)
	for _, code = range []int{http.StatusProxyAuthRequired, http.StatusBadGateway} {
		proxied := ""
		err := createSecret(t, config, kubeclient.Options{Proxied: func(p string) { proxied = p }})
		var refused *kubeclient.ProxyError
		if !errors.As(err, &refused) || !kubeclient.IsUnreachable(err) || kubeclient.IsTransient(err) != (code == http.StatusBadGateway) {
			t.Errorf("%d: %v, transient %v", code, err, kubeclient.IsTransient(err))
			continue
		}
		if !strings.HasPrefix(proxied, "http://user:xxxxx@127.0.0.1") || strings.Contains(err.Error(), "p4ssword") {
			t.Errorf("%d: proxied %q, error %v", code, proxied, err)
		}
	}
	proxied := false
	err = createSecret(t, config, kubeclient.Options{NoProxy: true, Proxied: func(string) { proxied = true }})
	if !apierrors.IsForbidden(err) || proxied {
		t.Errorf("without a proxy: %v", err)
	}
}

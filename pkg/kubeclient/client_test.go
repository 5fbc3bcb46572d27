package kubeclient_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

const bearer = "abcdef.0123456789abcdef"

// serve starts a TLS server and returns a configuration for it.
func serve(t *testing.T, handler http.HandlerFunc, change ...func(*httptest.Server)) *rest.Config {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, f := range change {
		f(server)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

func getSecret(t *testing.T, config *rest.Config, opts kubeclient.Options) error {
	t.Helper()
	client, err := kubeclient.New(config, opts)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Core.Secrets("kube-system").Get(t.Context(), "x", metav1.GetOptions{})
	return err
}

func secret(w http.ResponseWriter, padding int) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x","annotations":{"a":"%s"}}}`, strings.Repeat("a", padding))
}

func TestNew_BodyLimit(t *testing.T) {
	for padding, wantErr := range map[int]error{3 << 20: nil, 5 << 20: kubeclient.ErrTooLarge} {
		config := serve(t, func(w http.ResponseWriter, _ *http.Request) { secret(w, padding) })
		if err := getSecret(t, config, kubeclient.Options{}); !errors.Is(err, wantErr) {
			t.Errorf("%d bytes: error = %v, want %v", padding, err, wantErr)
		}
	}
}

func TestNew_HeaderLimit(t *testing.T) {
	for size, wantOK := range map[int]bool{1 << 10: true, 100 << 10: false} {
		config := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Padding", strings.Repeat("a", size))
			secret(w, 0)
		})
		if err := getSecret(t, config, kubeclient.Options{}); (err == nil) != wantOK {
			t.Errorf("%d bytes of headers: error = %v, want success %v", size, err, wantOK)
		}
	}
}

func TestNew_RedirectRefused(t *testing.T) {
	var reached atomic.Int32
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) { reached.Add(1); secret(w, 0) })
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.Host+r.URL.Path, http.StatusTemporaryRedirect)
	})
	config.CAData = append(config.CAData, target.CAData...)
	config.BearerToken = bearer
	if err := getSecret(t, config, kubeclient.Options{}); !errors.Is(err, kubeclient.ErrRedirect) {
		t.Errorf("error = %v, want ErrRedirect", err)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests reached the target", n)
	}
}

func TestNew_OldTLS(t *testing.T) {
	for version, wantOK := range map[uint16]bool{tls.VersionTLS12: true, tls.VersionTLS11: false} {
		config := serve(t, func(w http.ResponseWriter, _ *http.Request) { secret(w, 0) }, func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: version}
		})
		if err := getSecret(t, config, kubeclient.Options{}); (err == nil) != wantOK {
			t.Errorf("TLS %x: error = %v, want success %v", version, err, wantOK)
		}
	}
}

func TestObserve_NoCredential(t *testing.T) {
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+bearer {
			t.Error("the request has no credential, so the test proves nothing")
		}
		w.Header().Set("Warning", `299 - "old"`)
		secret(w, 0)
	})
	config.BearerToken = bearer
	var calls []kubeclient.Call
	var warnings []string
	err := getSecret(t, config, kubeclient.Options{
		As:      "someone",
		Observe: func(c kubeclient.Call) { calls = append(calls, c) },
		Warn:    func(text string) { warnings = append(warnings, text) },
	})
	if err != nil || len(calls) != 1 || len(warnings) != 1 || warnings[0] != "old" {
		t.Fatalf("error %v, calls %v, warnings %q", err, calls, warnings)
	}
	c := calls[0]
	if c.Method != "GET" || c.Path != "/api/v1/namespaces/kube-system/secrets/x" || c.As != "someone" || c.Status != 200 || c.Date.IsZero() {
		t.Errorf("call %+v", c)
	}
	if strings.Contains(fmt.Sprintf("%+v", c), bearer) {
		t.Error("the call contains the credential")
	}
}

func TestPredicates(t *testing.T) {
	refused := &url.Error{Op: "Get", Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
	untrusted := &url.Error{Op: "Get", Err: &tls.CertificateVerificationError{Err: errors.New("x")}}
	tests := []struct {
		name                              string
		err                               error
		unreachable, untrusted, transient bool
	}{
		{"nothing", nil, false, false, false},
		{"refused", refused, true, false, true},
		{"deadline", &url.Error{Op: "Get", Err: context.DeadlineExceeded}, true, false, true},
		{"cut off", io.ErrUnexpectedEOF, true, false, true},
		{"untrusted", untrusted, false, true, false},
		{"redirect", &url.Error{Op: "Get", Err: kubeclient.ErrRedirect}, false, false, false},
		{"a local file", &fs.PathError{Op: "open", Err: syscall.ENOENT}, false, false, false},
		{"a local link", &os.LinkError{Op: "rename", Err: syscall.ENOSPC}, false, false, false},
		{"too many requests", apierrors.NewTooManyRequests("", 1), false, false, true},
		{"server error", apierrors.NewInternalError(errors.New("x")), false, false, true},
		{"forbidden", apierrors.NewForbidden(schema.GroupResource{}, "x", errors.New("x")), false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := kubeclient.IsUnreachable(tt.err); got != tt.unreachable {
				t.Errorf("unreachable: %v", got)
			}
			if got := kubeclient.IsUntrusted(tt.err); got != tt.untrusted {
				t.Errorf("untrusted: %v", got)
			}
			if got := kubeclient.IsTransient(tt.err); got != tt.transient {
				t.Errorf("transient: %v", got)
			}
		})
	}
}

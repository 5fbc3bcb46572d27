package kubeclient_test

import (
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func http2(s *httptest.Server) { s.EnableHTTP2 = true }

// createSecret sends a request that client-go does not retry.
func createSecret(t *testing.T, config *rest.Config, opts kubeclient.Options) error {
	t.Helper()
	client, err := kubeclient.New(config, opts)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Core.Secrets("kube-system").Create(t.Context(), &corev1.Secret{}, metav1.CreateOptions{})
	return err
}

// An object is limited to about the size that etcd stores; a page of a list may be larger.
func TestNew_BodyLimitPerObject(t *testing.T) {
	const size = 5 << 20
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("limit") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"apiVersion":"v1","kind":"SecretList","metadata":{"continue":"%s"},"items":[]}`, strings.Repeat("a", size))
			return
		}
		secret(w, size)
	})
	config.BearerToken = bearer
	if err := getSecret(t, config, kubeclient.Options{}); !errors.Is(err, kubeclient.ErrTooLarge) {
		t.Errorf("an object: error = %v, want %v", err, kubeclient.ErrTooLarge)
	}
	client, err := kubeclient.New(config, kubeclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Core.Secrets("kube-system").List(t.Context(), metav1.ListOptions{Limit: 500}); err != nil {
		t.Errorf("a page: error = %v", err)
	}
}

// The limit applies to the decompressed size, and also to errors.
func TestNew_BodyLimitOfErrors(t *testing.T) {
	zipped := func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("the client does not accept gzip, so the test proves nothing")
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		z := gzip.NewWriter(w)
		defer z.Close() //nolint:errcheck // the client hangs up
		_, _ = fmt.Fprintf(z, `{"apiVersion":"v1","kind":"Secret","metadata":{"annotations":{"a":"%s"}}}`, strings.Repeat("a", 5<<20))
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		change  func(*httptest.Server)
	}{
		{"gzip", zipped, func(*httptest.Server) {}},
		{"gzip, HTTP/2", zipped, http2},
		{"HTTP/2", func(w http.ResponseWriter, _ *http.Request) { secret(w, 5<<20) }, http2},
		{"an error", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, strings.Repeat("a", 5<<20))
		}, func(*httptest.Server) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := serve(t, test.handler, test.change)
			err := getSecret(t, config, kubeclient.Options{})
			if !errors.Is(err, kubeclient.ErrTooLarge) {
				t.Errorf("error = %.200v, want %v", err, kubeclient.ErrTooLarge)
			}
			if kubeclient.IsTransient(err) {
				t.Error("the error is transient")
			}
		})
	}
}

func TestNew_HeaderLimitHTTP2(t *testing.T) {
	for size, wantOK := range map[int]bool{1 << 10: true, 100 << 10: false} {
		config := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Padding", strings.Repeat("a", size))
			secret(w, 0)
		}, http2)
		if err := getSecret(t, config, kubeclient.Options{}); (err == nil) != wantOK {
			t.Errorf("%d bytes of headers: error = %v, want success %v", size, err, wantOK)
		}
	}
}

// No redirect is followed, whatever its status and target.
func TestNew_RedirectNeverFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, protocol := range []func(*httptest.Server){func(*httptest.Server) {}, http2} {
			var requests atomic.Int32
			config := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				http.Redirect(w, r, "/elsewhere", status)
			}, protocol)
			config.BearerToken = bearer
			err := getSecret(t, config, kubeclient.Options{})
			if !errors.Is(err, kubeclient.ErrRedirect) || requests.Load() != 1 {
				t.Errorf("%d: error = %v after %d requests, want %v after one", status, err, requests.Load(), kubeclient.ErrRedirect)
			}
			if kubeclient.IsTransient(err) || kubeclient.IsUnreachable(err) {
				t.Errorf("%d: the error is transient", status)
			}
		}
	}
}

// The server's certificate is verified with the configured CA, address and clock before
// any request is sent.
func TestNew_VerifiesServer(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	notAfter := server.Certificate().NotAfter
	server.Close()
	tests := []struct {
		name   string
		change func(*rest.Config, *kubeclient.Options)
		want   bool
	}{
		{"unchanged", func(*rest.Config, *kubeclient.Options) {}, true},
		{"a clock within", func(_ *rest.Config, o *kubeclient.Options) { o.Now = func() time.Time { return notAfter } }, true},
		{"a clock past its expiration", func(_ *rest.Config, o *kubeclient.Options) {
			o.Now = func() time.Time { return notAfter.Add(time.Second) }
		}, false},
		{"another name", func(c *rest.Config, _ *kubeclient.Options) { c.ServerName = "kubernetes" }, false},
		{"no CA", func(c *rest.Config, _ *kubeclient.Options) { c.CAData = nil }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var requests atomic.Int32
			config := serve(t, func(w http.ResponseWriter, _ *http.Request) { requests.Add(1); secret(w, 0) })
			config.BearerToken = bearer
			var opts kubeclient.Options
			test.change(config, &opts)
			err := getSecret(t, config, opts)
			if (err == nil) != test.want || kubeclient.IsUntrusted(err) == test.want {
				t.Errorf("error = %v, want success %v", err, test.want)
			}
			if kubeclient.IsUnreachable(err) || kubeclient.IsTransient(err) {
				t.Errorf("error = %v is transient", err)
			}
			if got := requests.Load(); (got == 1) != test.want {
				t.Errorf("%d requests were sent", got)
			}
		})
	}
}

// Errors of real connections.
func TestPredicates_ConnectionErrors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "https://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	hangUp := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	short := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		secret(w, 0)
		panic(http.ErrAbortHandler)
	})
	short.BearerToken = bearer
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil { // the server notices a closed connection only then
			<-r.Context().Done()
		}
	})
	slow.Timeout = 100 * time.Millisecond
	tests := []struct {
		name   string
		config *rest.Config
	}{
		{"refused", &rest.Config{Host: closed}},
		{"not TLS", &rest.Config{Host: strings.Replace(plain.URL, "http:", "https:", 1)}},
		{"connection closed", hangUp},
		{"half a response", short},
		{"timeout", slow},
		{"old TLS", serve(t, func(http.ResponseWriter, *http.Request) {}, func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := createSecret(t, test.config, kubeclient.Options{})
			if !kubeclient.IsUnreachable(err) || kubeclient.IsUntrusted(err) || kubeclient.IsTransient(err) == (test.name == "not TLS") {
				t.Errorf("error = %v: unreachable %v, untrusted %v, transient %v", err, kubeclient.IsUnreachable(err), kubeclient.IsUntrusted(err), kubeclient.IsTransient(err))
			}
		})
	}
}

// Neither a response nor an error may contain the credential.
func TestObserve_EachOutcome(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  int
	}{
		{"answer", func(w http.ResponseWriter, _ *http.Request) { secret(w, 0) }, 200},
		{"error that echoes", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.Header.Get("Authorization"), http.StatusUnauthorized)
		}, 401},
		{"redirect that echoes", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/"+url.PathEscape(r.Header.Get("Authorization")), http.StatusFound)
		}, 302},
		{"no response", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := serve(t, test.handler)
			config.BearerToken = bearer
			var calls []kubeclient.Call
			err := createSecret(t, config, kubeclient.Options{Observe: func(c kubeclient.Call) { calls = append(calls, c) }})
			if len(calls) == 0 {
				t.Fatal("Observe was not called")
			}
			for _, c := range calls {
				if c.Method != "POST" || c.Path != "/api/v1/namespaces/kube-system/secrets" || c.Status != test.status || (c.Err == nil) != (test.status != 0) {
					t.Errorf("call %+v, want status %d", c, test.status)
				}
				if strings.Contains(fmt.Sprintf("%+v", c), bearer) {
					t.Error("the call contains the credential")
				}
			}
			if test.status == 200 && err != nil {
				t.Error(err)
			}
		})
	}
}

func TestObserve_Query(t *testing.T) {
	config := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"apiVersion":"v1","kind":"SecretList","items":[]}`)
	})
	var calls []kubeclient.Call
	client, err := kubeclient.New(config, kubeclient.Options{Observe: func(c kubeclient.Call) { calls = append(calls, c) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Core.Secrets("a").List(t.Context(), metav1.ListOptions{FieldSelector: "type=x", Limit: 2}); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 1 || calls[0].Path != "/api/v1/namespaces/a/secrets?fieldSelector=type%3Dx&limit=2" {
		t.Errorf("calls %+v", calls)
	}
}

// Only warnings with the code that the specification defines are passed on, and a client
// without a handler drops them instead of printing to stderr.
func TestWarnings(t *testing.T) {
	tests := []struct {
		name, header string
		want         []string
	}{
		{"warning", `299 - "old"`, []string{"old"}},
		{"several", `299 - "a", 299 - "b"`, []string{"a", "b"}},
		{"other code", `199 - "old"`, nil},
		{"no text", `299 - ""`, nil},
		{"junk", `old`, nil},
		{"none", ``, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Warning", test.header)
				secret(w, 0)
			})
			var got []string
			if err := getSecret(t, config, kubeclient.Options{Warn: func(s string) { got = append(got, s) }}); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("warnings %q, want %q", got, test.want)
			}
			if err := getSecret(t, config, kubeclient.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// Requests are not throttled, the config is not modified, and protobuf is requested.
func TestNew_NoDefaults(t *testing.T) {
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if accept := r.Header.Get("Accept"); accept != "application/vnd.kubernetes.protobuf,application/json" {
			t.Errorf("accepts %q", accept)
		}
		secret(w, 0)
	})
	before := rest.CopyConfig(config)
	client, err := kubeclient.New(config, kubeclient.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if config.QPS != before.QPS || config.ContentType != before.ContentType || config.WarningHandlerWithContext != nil {
		t.Error("the config was changed")
	}
	for _, rests := range []rest.Interface{
		client.Core.RESTClient(), client.Certificates.RESTClient(), client.RBAC.RESTClient(), client.Authentication.RESTClient(), client.Authorization.RESTClient(),
	} {
		if limiter := rests.GetRateLimiter(); limiter != nil { // client-go's default lets 10 pass, and then 5 a second
			t.Errorf("requests to %s are limited by %T", rests.APIVersion(), limiter)
		}
	}
	if _, err := client.Core.Secrets("kube-system").Get(t.Context(), "x", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestNew_InvalidConfig(t *testing.T) {
	tests := []struct {
		name   string
		config *rest.Config
	}{
		{"missing CA file", &rest.Config{Host: "https://127.0.0.1", TLSClientConfig: rest.TLSClientConfig{CAFile: "/none"}}},
		{"two credentials", &rest.Config{Host: "https://127.0.0.1", BearerToken: bearer, Username: "a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := kubeclient.New(test.config, kubeclient.Options{})
			if err == nil || strings.Contains(err.Error(), bearer) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

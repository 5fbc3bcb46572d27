package kubeclient_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// A response that no API server sends has an error of its own, and is not transient.
func TestNew_NotAnAPIServer(t *testing.T) {
	const good = `{"apiVersion":"v1","kind":"Secret"}`
	tests := []struct {
		name, contentType, body string
		wantErr                 error
	}{
		{"object", "application/json", good, nil},
		{"space before it", "application/json; charset=utf-8", " \n" + good, nil},
		{"page", "text/html", good, kubeclient.ErrNotAPIServer},
		{"no type", "", good, kubeclient.ErrNotAPIServer},
		{"junk", "application/json", "junk", kubeclient.ErrNotAPIServer},
		{"junk for protobuf", "application/vnd.kubernetes.protobuf", good, kubeclient.ErrNotAPIServer},
		{"empty", "application/json", "", kubeclient.ErrNotAPIServer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{test.contentType}
				_, _ = io.WriteString(w, test.body)
			})
			err := getSecret(t, config, kubeclient.Options{})
			if !errors.Is(err, test.wantErr) || kubeclient.IsUnreachable(err) || kubeclient.IsTransient(err) {
				t.Errorf("error = %v, want %v; unreachable %t, transient %t", err, test.wantErr, kubeclient.IsUnreachable(err), kubeclient.IsTransient(err))
			}
		})
	}
}

// A response that is cut off is transient with every protocol.
func TestNew_BrokenResponses(t *testing.T) {
	for name, options := range map[string][]func(*httptest.Server){"HTTP/1.1": nil, "HTTP/2": {http2}} {
		t.Run(name, func(t *testing.T) {
			config := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"apiVersion":"v1",`)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}, options...)
			err := getSecret(t, config, kubeclient.Options{})
			if !kubeclient.IsUnreachable(err) || !kubeclient.IsTransient(err) {
				t.Errorf("error = %v: unreachable %t, transient %t", err, kubeclient.IsUnreachable(err), kubeclient.IsTransient(err))
			}
		})
	}
}

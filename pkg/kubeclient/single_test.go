package kubeclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func comeBack(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

// Within Until, one call is one request, and its error has the server's message.
func TestUntil_OneRequestPerCall(t *testing.T) {
	const status = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"ServerTimeout","message":"etcd has no leader","code":500}`
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
		seconds int
	}{
		{"too many requests", comeBack(http.StatusTooManyRequests, "slow down"), "the server has received too many requests and has asked us to try again later", 1},
		{"not available", comeBack(http.StatusServiceUnavailable, ""), "the server is currently unable to handle the request", 1},
		{"a status", comeBack(http.StatusInternalServerError, status), "etcd has no leader", 1},
		{"connection closed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, kubeclient.ErrConnectionClosed.Error(), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var requests atomic.Int32
			client, err := kubeclient.New(serve(t, func(w http.ResponseWriter, r *http.Request) { requests.Add(1); test.handler(w, r) }), kubeclient.Options{})
			if err != nil {
				t.Fatal(err)
			}
			final := func(error) bool { return false }
			err = kubeclient.Until(t.Context(), kubeclient.Wait{Transient: final}, func(ctx context.Context) error {
				_, err := client.Core.Secrets("a").Get(ctx, "x", metav1.GetOptions{})
				return err
			})
			if err == nil {
				t.Fatal("no error")
			}
			if n := requests.Load(); n != 1 || !kubeclient.IsTransient(err) {
				t.Errorf("%d requests, want one; error = %v, want a transient one", n, err)
			}
			if seconds, _ := apierrors.SuggestsClientDelay(err); seconds != test.seconds {
				t.Errorf("error = %v asks for a delay of %d s, want %d", err, seconds, test.seconds)
			}
			if cause := new(url.Error); !errors.As(err, &cause) || cause.Err.Error() != test.want {
				t.Errorf("error = %v, want %s", err, test.want)
			}
		})
	}
}

// Outside of Until, client-go retries a request.
func TestNew_RetriesOutsideUntil(t *testing.T) {
	var requests atomic.Int32
	client, err := kubeclient.New(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		secret(w, 1)
	}), kubeclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = client.Core.Secrets("a").Get(t.Context(), "x", metav1.GetOptions{}); err != nil || requests.Load() != 2 {
		t.Errorf("%d requests, error %v, want two and no error", requests.Load(), err)
	}
}

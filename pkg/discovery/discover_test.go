package discovery_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

const host = "127.0.0.1"

func TestDiscover(t *testing.T) {
	pinned, evil := testcluster.NewCA(t), testcluster.NewCA(t)
	tests := []struct {
		name   string
		bundle []testcluster.CA
		change func(*discovery.Options)
		want   []testcluster.CA
	}{
		{"pin", []testcluster.CA{pinned}, func(*discovery.Options) {}, []testcluster.CA{pinned}},
		{"pinned and another in the bundle", []testcluster.CA{pinned, evil}, func(*discovery.Options) {}, []testcluster.CA{pinned}},
		{"another and pinned in the bundle", []testcluster.CA{evil, pinned}, func(*discovery.Options) {}, []testcluster.CA{pinned}},
		{"CA file", []testcluster.CA{pinned, evil}, func(o *discovery.Options) { o.Pins, o.CAs = nil, testcluster.Bundle(pinned) }, []testcluster.CA{pinned}},
		{"only the signature", []testcluster.CA{pinned}, func(o *discovery.Options) { o.Pins, o.SkipVerification = nil, true }, []testcluster.CA{pinned}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, pinned.Server(t, host), testcluster.Always(testcluster.SignedData(t, test.bundle...)))
			opts := testcluster.Options(t, server, pinned)
			test.change(&opts)
			got, err := discovery.Discover(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			testcluster.WantRoots(t, got.Roots, test.want...)
			if got.Endpoint != server.Endpoint(t) || got.Server != "10.0.0.1:6443" {
				t.Errorf("endpoint %s, server %s", got.Endpoint, got.Server)
			}
			if requests := server.Requests(); len(requests) != 2 || strings.Join(requests, "") != "" {
				t.Errorf("requests had the credentials %q, want two with none", requests)
			}
		})
	}
}

func TestDiscover_Refuses(t *testing.T) {
	pinned, evil := testcluster.NewCA(t), testcluster.NewCA(t)
	expired := testcluster.NewCA(t, func(c *x509.Certificate) { c.NotAfter = testcluster.Now.Add(-time.Hour) })
	data := func(changes ...string) map[string]string {
		out := maps.Clone(testcluster.SignedData(t, pinned))
		for i := 0; i < len(changes); i += 2 {
			out[changes[i]] = changes[i+1]
		}
		return out
	}
	otherDocument := testcluster.DocumentOf(certpem.Encode(evil.Certificate))
	tests := []struct {
		name    string
		data    map[string]string
		change  func(*discovery.Options)
		wantErr error
	}{
		{"no pin and no CA", data(), func(o *discovery.Options) { o.Pins = nil }, discovery.ErrNoTrust},
		{"pin of another key", data(), func(o *discovery.Options) { o.Pins = clusterinfo.Pins(testcluster.Bundle(evil)) }, clusterinfo.ErrPinMismatch},
		{"expired CA", testcluster.SignedData(t, expired), func(o *discovery.Options) { o.Pins = clusterinfo.Pins(testcluster.Bundle(expired)) }, clusterinfo.ErrUnusableCA},
		{"signature of another document", data("jws-kubeconfig-abcdef", clusterinfo.Sign([]byte(otherDocument), testcluster.ParseToken(t))), nil, clusterinfo.ErrSignature},
		{"empty signature", data("jws-kubeconfig-abcdef", ""), nil, clusterinfo.ErrSignature},
		{"bad signature, CA not checked", data("jws-kubeconfig-abcdef", ""), func(o *discovery.Options) {
			o.Pins, o.SkipVerification = nil, true
		}, clusterinfo.ErrSignature},
		{"document with a user", data("kubeconfig", strings.Replace(data()["kubeconfig"], "users: null", "users: [{}]", 1)), nil, clusterinfo.ErrDocument},
		{"no kubeconfig", data("kubeconfig", ""), nil, clusterinfo.ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, pinned.Server(t, host), testcluster.Always(test.data))
			opts := testcluster.Options(t, server, pinned)
			if test.change != nil {
				test.change(&opts)
			}
			got, err := discovery.Discover(t.Context(), opts)
			testcluster.WantError(t, err, test.wantErr)
			testcluster.WantRoots(t, got.Roots)
			if requests := server.Requests(); len(requests) > 1 {
				t.Errorf("%d requests, want at most the unverified one", len(requests))
			}
		})
	}
}

func TestDiscover_Unsigned(t *testing.T) {
	c := testcluster.NewCA(t)
	data := testcluster.SignedData(t, c)
	delete(data, "jws-kubeconfig-abcdef")
	bearer := "Bearer abcdef.0123456789abcdef"
	withToken := func(status int) func(int, *http.Request) (int, map[string]string) {
		return func(_ int, r *http.Request) (int, map[string]string) {
			if r.Header.Get("Authorization") == bearer {
				return status, data
			}
			return http.StatusOK, data
		}
	}
	tests := []struct {
		name    string
		status  int // of the response to the token
		change  func(*discovery.Options)
		tried   bool
		wantErr error
	}{
		{"token rejected", http.StatusUnauthorized, func(*discovery.Options) {}, true, discovery.ErrTokenRejected},
		{"token accepted", http.StatusOK, func(*discovery.Options) {}, true, discovery.ErrTokenNotSigned},
		{"token accepted, access forbidden", http.StatusForbidden, func(*discovery.Options) {}, true, discovery.ErrTokenNotSigned},
		{"CA not checked", http.StatusOK, func(o *discovery.Options) { o.Pins, o.SkipVerification = nil, true }, false, discovery.ErrUnsigned},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, c.Server(t, host), withToken(test.status))
			opts := testcluster.Options(t, server, c)
			test.change(&opts)
			_, err := discovery.Discover(t.Context(), opts)
			testcluster.WantError(t, err, test.wantErr)
			want := []string{"", "", bearer}
			if !test.tried {
				want = []string{""}
			}
			if got := server.Requests(); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("requests had the credentials %q, want %q", got, want)
			}
		})
	}
}

func TestDiscover_DocumentChanged(t *testing.T) {
	pinned, evil := testcluster.NewCA(t), testcluster.NewCA(t)
	server := testcluster.NewCluster(t, pinned.Server(t, host), func(n int, _ *http.Request) (int, map[string]string) {
		if n == 1 {
			return http.StatusOK, testcluster.SignedData(t, pinned)
		}
		return http.StatusOK, testcluster.SignedData(t, pinned, evil)
	})
	_, err := discovery.Discover(t.Context(), testcluster.Options(t, server, pinned))
	testcluster.WantError(t, err, discovery.ErrChanged)
}

// If no pinned CA signed the server's certificate, the token is not sent.
func TestDiscover_TokenOnlyToTrusted(t *testing.T) {
	pinned, evil := testcluster.NewCA(t), testcluster.NewCA(t)
	expired := pinned.Server(t, host)
	tests := []struct {
		name   string
		server func() *testcluster.Cluster
		signed bool
		now    time.Time
	}{
		{"another CA, in the bundle", func() *testcluster.Cluster {
			return testcluster.NewCluster(t, evil.Server(t, host), testcluster.Always(testcluster.SignedData(t, pinned, evil)))
		}, true, testcluster.Now},
		{"another CA, unsigned", func() *testcluster.Cluster {
			data := testcluster.SignedData(t, pinned, evil)
			delete(data, "jws-kubeconfig-abcdef")
			return testcluster.NewCluster(t, evil.Server(t, host), testcluster.Always(data))
		}, false, testcluster.Now},
		{"another address", func() *testcluster.Cluster {
			return testcluster.NewCluster(t, pinned.Server(t, "10.0.0.1"), testcluster.Always(testcluster.SignedData(t, pinned)))
		}, true, testcluster.Now},
		{"expired", func() *testcluster.Cluster {
			return testcluster.NewCluster(t, expired, testcluster.Always(testcluster.SignedData(t, pinned)))
		}, true, testcluster.Now.Add(2 * time.Hour)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := test.server()
			opts := testcluster.Options(t, server, pinned)
			opts.Client.Now = func() time.Time { return test.now }
			_, err := discovery.Discover(t.Context(), opts)
			if !kubeclient.IsUntrusted(err) || kubeclient.IsUnreachable(err) || discovery.Transient(err) {
				t.Errorf("error = %v, want an untrusted certificate, not transient", err)
			}
			if got := server.Requests(); len(got) != 1 || got[0] != "" {
				t.Errorf("requests had the credentials %q, want one with none", got)
			}
		})
	}
}

func TestDiscover_Redirect(t *testing.T) {
	c := testcluster.NewCA(t)
	second := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(testcluster.SignedData(t, c)))
	first := testcluster.NewCluster(t, c.Server(t, host), nil)
	first.Config.Handler = http.RedirectHandler(second.URL+"/api/v1/namespaces/kube-public/configmaps/cluster-info", http.StatusFound)
	_, err := discovery.Discover(t.Context(), testcluster.Options(t, first, c))
	testcluster.WantError(t, err, kubeclient.ErrRedirect)
	if discovery.Transient(err) {
		t.Error("a redirect is transient")
	}
	if got := second.Requests(); len(got) != 0 {
		t.Errorf("%d requests reached the second server", len(got))
	}
}

func TestDiscover_Status(t *testing.T) {
	c := testcluster.NewCA(t)
	tests := []struct {
		name      string
		status    int
		wantErr   error
		transient bool
	}{
		{"anonymous requests refused", http.StatusUnauthorized, clusterinfo.ErrAnonymous, false},
		{"anonymous access forbidden", http.StatusForbidden, clusterinfo.ErrAnonymous, false},
		{"no cluster-info", http.StatusNotFound, clusterinfo.ErrNotFound, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, c.Server(t, host), func(int, *http.Request) (int, map[string]string) { return test.status, nil })
			_, err := discovery.Discover(t.Context(), testcluster.Options(t, server, c))
			testcluster.WantError(t, err, test.wantErr)
			if got := discovery.Transient(err); got != test.transient {
				t.Errorf("Transient = %v, want %v", got, test.transient)
			}
		})
	}
}

func TestDiscover_PlainHTTP(t *testing.T) {
	c := testcluster.NewCA(t)
	plain := &testcluster.Cluster{Answer: testcluster.Always(testcluster.SignedData(t, c))}
	plain.Server = httptest.NewServer(plain)
	t.Cleanup(plain.Close)
	_, err := discovery.Discover(t.Context(), testcluster.Options(t, plain, c))
	if !kubeclient.IsUnreachable(err) {
		t.Errorf("error = %v, want an unreachable server", err)
	}
	if len(plain.Requests()) != 0 {
		t.Error("a request was sent without TLS")
	}
}

func TestDiscover_SeveralEndpoints(t *testing.T) {
	c, other := testcluster.NewCA(t), testcluster.NewCA(t)
	good := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(testcluster.SignedData(t, c)))
	impostor := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(testcluster.SignedData(t, other)))
	dead := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(nil))
	deadEndpoint := dead.Endpoint(t)
	dead.Close()
	waiting := testcluster.NewCluster(t, c.Server(t, host), func(_ int, r *http.Request) (int, map[string]string) {
		<-r.Context().Done() // it never responds
		return http.StatusOK, nil
	})
	type endpoints = []clusterinfo.Endpoint
	tests := []struct {
		name      string
		endpoints endpoints
		want      clusterinfo.Endpoint
		others    int
		wantErr   error
	}{
		{"one does not listen", endpoints{deadEndpoint, good.Endpoint(t)}, good.Endpoint(t), 0, nil},
		{"one does not respond", endpoints{waiting.Endpoint(t), good.Endpoint(t)}, good.Endpoint(t), 0, nil},
		{"one does not listen, one is another cluster", endpoints{deadEndpoint, impostor.Endpoint(t)}, "", 0, clusterinfo.ErrPinMismatch},
		{"both are another cluster", endpoints{impostor.Endpoint(t), impostor.Endpoint(t)}, "", 0, clusterinfo.ErrPinMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := testcluster.Options(t, good, c)
			opts.Endpoints = test.endpoints
			got, err := discovery.Discover(t.Context(), opts)
			testcluster.WantError(t, err, test.wantErr)
			if got.Endpoint != test.want || len(got.Others) != test.others {
				t.Errorf("endpoint = %s, want %s; others %v", got.Endpoint, test.want, got.Others)
			}
			if err != nil && !strings.Contains(err.Error(), string(impostor.Endpoint(t))) {
				t.Errorf("error = %v does not name the other cluster", err)
			}
		})
	}
	opts := testcluster.Options(t, good, c)
	opts.Endpoints = []clusterinfo.Endpoint{deadEndpoint}
	if _, err := discovery.Discover(t.Context(), opts); !kubeclient.IsUnreachable(err) || !discovery.Transient(err) {
		t.Errorf("error = %v, want an unreachable server", err)
	}
}

// The result names an endpoint that responded earlier with another cluster.
func TestDiscover_NamesOtherCluster(t *testing.T) {
	c, other := testcluster.NewCA(t), testcluster.NewCA(t)
	impostor := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(testcluster.SignedData(t, other)))
	var head atomic.Int64 // start of the other cluster
	good := testcluster.NewCluster(t, c.Server(t, host), func(int, *http.Request) (int, map[string]string) {
		time.Sleep(time.Duration(head.Load()))
		return http.StatusOK, testcluster.SignedData(t, c)
	})
	opts := testcluster.Options(t, good, c)
	opts.Endpoints = []clusterinfo.Endpoint{good.Endpoint(t), impostor.Endpoint(t)}
	var got discovery.Cluster
	for head.Store(int64(10 * time.Millisecond)); len(got.Others) == 0; head.Store(2 * head.Load()) {
		var err error
		got, err = discovery.Discover(t.Context(), opts)
		if err != nil || got.Endpoint != good.Endpoint(t) || head.Load() > int64(30*time.Second) {
			t.Fatalf("endpoint = %s, others %v, %v", got.Endpoint, got.Others, err)
		}
	}
	testcluster.WantError(t, got.Others[0], clusterinfo.ErrPinMismatch)
	if !strings.Contains(got.Others[0].Error(), string(impostor.Endpoint(t))) {
		t.Errorf("others = %v, want the other cluster's endpoint", got.Others)
	}
}

// The errors are in the order of the endpoints, regardless of which responded first,
// and permanent errors are matched before transient ones.
func TestDiscover_OrderOfEndpointErrors(t *testing.T) {
	c, other := testcluster.NewCA(t), testcluster.NewCA(t)
	impostor := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(testcluster.SignedData(t, other)))
	empty := testcluster.NewCluster(t, c.Server(t, host), func(int, *http.Request) (int, map[string]string) {
		for len(impostor.Requests()) == 0 || impostor.Connections() > 0 { // until its response has been read
			time.Sleep(time.Millisecond)
		}
		return http.StatusNotFound, nil
	})
	opts := testcluster.Options(t, empty, c)
	opts.Endpoints = []clusterinfo.Endpoint{empty.Endpoint(t), impostor.Endpoint(t)}
	_, err := discovery.Discover(t.Context(), opts)
	var errs discovery.EndpointErrors
	if !errors.As(err, &errs) || len(errs) != 2 {
		t.Fatalf("error %v, want one for each endpoint", err)
	}
	testcluster.WantError(t, errs[0], clusterinfo.ErrNotFound)
	testcluster.WantError(t, errs[1], clusterinfo.ErrPinMismatch)
	testcluster.WantError(t, errs.Unwrap()[0], clusterinfo.ErrPinMismatch)
}

// The error of several endpoints is permanent only if all their errors are.
func TestTransient_SeveralEndpoints(t *testing.T) {
	gone := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for want, errs := range map[bool]discovery.EndpointErrors{
		true:  {clusterinfo.ErrPinMismatch, gone},
		false: {clusterinfo.ErrPinMismatch, clusterinfo.ErrSignature},
	} {
		if got := discovery.Transient(fmt.Errorf("x: %w", errs)); got != want {
			t.Errorf("Transient(%v) = %v", errs, got)
		}
	}
}

func TestDiscover_NeedsEndpointAndToken(t *testing.T) {
	c := testcluster.NewCA(t)
	data := testcluster.SignedData(t, c)
	data["jws-kubeconfig-"] = clusterinfo.Sign([]byte(data["kubeconfig"]), token.Token{})
	server := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(data))
	for name, change := range map[string]func(*discovery.Options){
		"no endpoint": func(o *discovery.Options) { o.Endpoints = nil },
		"no token":    func(o *discovery.Options) { o.Token = token.Token{} },
	} {
		t.Run(name, func(t *testing.T) {
			opts := testcluster.Options(t, server, c)
			change(&opts)
			got, err := discovery.Discover(t.Context(), opts)
			if err == nil {
				t.Errorf("no error, and %d trusted roots", len(got.Roots))
			}
		})
	}
}

func TestDiscover_ContextCanceled(t *testing.T) {
	c := testcluster.NewCA(t)
	server := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(testcluster.SignedData(t, c)))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cancel()
	_, err := discovery.Discover(ctx, testcluster.Options(t, server, c))
	testcluster.WantError(t, err, context.Canceled)
	wantRequests(t, server)
}

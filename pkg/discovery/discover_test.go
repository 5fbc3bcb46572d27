package clusterinfo_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

const host = "127.0.0.1"

func TestDiscover(t *testing.T) {
	pinned, evil := newCA(t), newCA(t)
	tests := []struct {
		name   string
		bundle []ca
		change func(*clusterinfo.Options)
		want   []ca
	}{
		{"pin", []ca{pinned}, func(*clusterinfo.Options) {}, []ca{pinned}},
		{"pinned and another in the bundle", []ca{pinned, evil}, func(*clusterinfo.Options) {}, []ca{pinned}},
		{"another and pinned in the bundle", []ca{evil, pinned}, func(*clusterinfo.Options) {}, []ca{pinned}},
		{"CA file", []ca{pinned, evil}, func(o *clusterinfo.Options) { o.Pins, o.CAs = nil, bundle(pinned) }, []ca{pinned}},
		{"signature alone", []ca{pinned}, func(o *clusterinfo.Options) { o.Pins, o.SkipCAVerification = nil, true }, []ca{pinned}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCluster(t, pinned.server(t, host), always(signedData(t, test.bundle...)))
			opts := options(t, server, pinned)
			test.change(&opts)
			got, err := clusterinfo.Discover(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			wantRoots(t, got.Roots, test.want...)
			if got.Endpoint != server.endpoint(t) || got.Server != "10.0.0.1:6443" {
				t.Errorf("endpoint %s, server %s", got.Endpoint, got.Server)
			}
			if requests := server.requests(); len(requests) != 2 || strings.Join(requests, "") != "" {
				t.Errorf("requests had the credentials %q, want two with none", requests)
			}
		})
	}
}

func TestDiscoverRefuses(t *testing.T) {
	pinned, evil := newCA(t), newCA(t)
	expired := newCA(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
	data := func(changes ...string) map[string]string {
		out := maps.Clone(signedData(t, pinned))
		for i := 0; i < len(changes); i += 2 {
			out[changes[i]] = changes[i+1]
		}
		return out
	}
	otherDocument := documentOf(certpem.Encode(evil.Certificate))
	tests := []struct {
		name    string
		data    map[string]string
		change  func(*clusterinfo.Options)
		wantErr error
	}{
		{"no pin and no CA", data(), func(o *clusterinfo.Options) { o.Pins = nil }, clusterinfo.ErrNoTrust},
		{"pin of another key", data(), func(o *clusterinfo.Options) { o.Pins = clusterinfo.Pins(bundle(evil)) }, clusterinfo.ErrPinMismatch},
		{"expired CA", signedData(t, expired), func(o *clusterinfo.Options) { o.Pins = clusterinfo.Pins(bundle(expired)) }, clusterinfo.ErrUnusableCA},
		{"signature over another document", data("jws-kubeconfig-abcdef", clusterinfo.Sign([]byte(otherDocument), parseToken(t))), nil, clusterinfo.ErrSignature},
		{"no signature worth the name", data("jws-kubeconfig-abcdef", ""), nil, clusterinfo.ErrSignature},
		{"bad signature, CA not checked", data("jws-kubeconfig-abcdef", ""), func(o *clusterinfo.Options) {
			o.Pins, o.SkipCAVerification = nil, true
		}, clusterinfo.ErrSignature},
		{"document with a user", data("kubeconfig", strings.Replace(data()["kubeconfig"], "users: null", "users: [{}]", 1)), nil, clusterinfo.ErrDocument},
		{"no kubeconfig", data("kubeconfig", ""), nil, clusterinfo.ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCluster(t, pinned.server(t, host), always(test.data))
			opts := options(t, server, pinned)
			if test.change != nil {
				test.change(&opts)
			}
			got, err := clusterinfo.Discover(t.Context(), opts)
			wantError(t, err, test.wantErr)
			wantRoots(t, got.Roots)
			if requests := server.requests(); len(requests) > 1 {
				t.Errorf("%d requests, want the unverified one at most", len(requests))
			}
		})
	}
}

func TestDiscoverUnsigned(t *testing.T) {
	c := newCA(t)
	data := signedData(t, c)
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
		status  int // of the answer to the token
		change  func(*clusterinfo.Options)
		tried   bool
		wantErr error
	}{
		{"token rejected", http.StatusUnauthorized, func(*clusterinfo.Options) {}, true, clusterinfo.ErrTokenRejected},
		{"token accepted", http.StatusOK, func(*clusterinfo.Options) {}, true, clusterinfo.ErrTokenNotSigned},
		{"token accepted, access forbidden", http.StatusForbidden, func(*clusterinfo.Options) {}, true, clusterinfo.ErrTokenNotSigned},
		{"CA not checked", http.StatusOK, func(o *clusterinfo.Options) { o.Pins, o.SkipCAVerification = nil, true }, false, clusterinfo.ErrUnsigned},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCluster(t, c.server(t, host), withToken(test.status))
			opts := options(t, server, c)
			test.change(&opts)
			_, err := clusterinfo.Discover(t.Context(), opts)
			wantError(t, err, test.wantErr)
			want := []string{"", "", bearer}
			if !test.tried {
				want = []string{""}
			}
			if got := server.requests(); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("requests had the credentials %q, want %q", got, want)
			}
		})
	}
}

func TestDiscoverNeedsTheSameDocumentTwice(t *testing.T) {
	pinned, evil := newCA(t), newCA(t)
	server := newCluster(t, pinned.server(t, host), func(n int, _ *http.Request) (int, map[string]string) {
		if n == 1 {
			return http.StatusOK, signedData(t, pinned)
		}
		return http.StatusOK, signedData(t, pinned, evil)
	})
	_, err := clusterinfo.Discover(t.Context(), options(t, server, pinned))
	wantError(t, err, clusterinfo.ErrChanged)
}

// The server shows a certificate that no pinned CA signed: the token stays here.
func TestDiscoverNeverSendsTheTokenToAnUntrustedServer(t *testing.T) {
	pinned, evil := newCA(t), newCA(t)
	expired := pinned.server(t, host)
	tests := []struct {
		name   string
		server func() *cluster
		signed bool
		now    time.Time
	}{
		{"another CA, in the bundle", func() *cluster { return newCluster(t, evil.server(t, host), always(signedData(t, pinned, evil))) }, true, now},
		{"another CA, unsigned", func() *cluster {
			data := signedData(t, pinned, evil)
			delete(data, "jws-kubeconfig-abcdef")
			return newCluster(t, evil.server(t, host), always(data))
		}, false, now},
		{"another address", func() *cluster { return newCluster(t, pinned.server(t, "10.0.0.1"), always(signedData(t, pinned))) }, true, now},
		{"expired", func() *cluster { return newCluster(t, expired, always(signedData(t, pinned))) }, true, now.Add(2 * time.Hour)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := test.server()
			opts := options(t, server, pinned)
			opts.Client.Now = func() time.Time { return test.now }
			_, err := clusterinfo.Discover(t.Context(), opts)
			if !apiclient.IsUntrusted(err) || apiclient.IsUnreachable(err) || clusterinfo.Transient(err) {
				t.Errorf("error = %v, want an untrusted certificate, for good", err)
			}
			if got := server.requests(); len(got) != 1 || got[0] != "" {
				t.Errorf("requests had the credentials %q, want one with none", got)
			}
		})
	}
}

func TestDiscoverFollowsNoRedirect(t *testing.T) {
	c := newCA(t)
	second := newCluster(t, c.server(t, host), always(signedData(t, c)))
	first := newCluster(t, c.server(t, host), nil)
	first.Config.Handler = http.RedirectHandler(second.URL+"/api/v1/namespaces/kube-public/configmaps/cluster-info", http.StatusFound)
	_, err := clusterinfo.Discover(t.Context(), options(t, first, c))
	wantError(t, err, apiclient.ErrRedirect)
	if clusterinfo.Transient(err) {
		t.Error("a redirect counts as transient")
	}
	if got := second.requests(); len(got) != 0 {
		t.Errorf("%d requests reached the second server", len(got))
	}
}

func TestDiscoverStatus(t *testing.T) {
	c := newCA(t)
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
			server := newCluster(t, c.server(t, host), func(int, *http.Request) (int, map[string]string) { return test.status, nil })
			_, err := clusterinfo.Discover(t.Context(), options(t, server, c))
			wantError(t, err, test.wantErr)
			if got := clusterinfo.Transient(err); got != test.transient {
				t.Errorf("Transient = %v, want %v", got, test.transient)
			}
		})
	}
}

func TestDiscoverPlainHTTP(t *testing.T) {
	c := newCA(t)
	plain := &cluster{answer: always(signedData(t, c))}
	plain.Server = httptest.NewServer(plain)
	t.Cleanup(plain.Close)
	_, err := clusterinfo.Discover(t.Context(), options(t, plain, c))
	if !apiclient.IsUnreachable(err) {
		t.Errorf("error = %v, want unreachable", err)
	}
	if len(plain.requests()) != 0 {
		t.Error("a request went out without TLS")
	}
}

func TestDiscoverRacesEndpoints(t *testing.T) {
	c, other := newCA(t), newCA(t)
	good := newCluster(t, c.server(t, host), always(signedData(t, c)))
	liar := newCluster(t, c.server(t, host), always(signedData(t, other)))
	dead := newCluster(t, c.server(t, host), always(nil))
	deadEndpoint := dead.endpoint(t)
	dead.Close()
	waiting := newCluster(t, c.server(t, host), func(_ int, r *http.Request) (int, map[string]string) {
		<-r.Context().Done() // it never answers
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
		{"one does not listen", endpoints{deadEndpoint, good.endpoint(t)}, good.endpoint(t), 0, nil},
		{"one does not answer", endpoints{waiting.endpoint(t), good.endpoint(t)}, good.endpoint(t), 0, nil},
		{"one does not listen and one lies", endpoints{deadEndpoint, liar.endpoint(t)}, "", 0, clusterinfo.ErrPinMismatch},
		{"two lie", endpoints{liar.endpoint(t), liar.endpoint(t)}, "", 0, clusterinfo.ErrPinMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := options(t, good, c)
			opts.Endpoints = test.endpoints
			got, err := clusterinfo.Discover(t.Context(), opts)
			wantError(t, err, test.wantErr)
			if got.Endpoint != test.want || len(got.Others) != test.others {
				t.Errorf("endpoint = %s, want %s; others %v", got.Endpoint, test.want, got.Others)
			}
			if err != nil && !strings.Contains(err.Error(), string(liar.endpoint(t))) {
				t.Errorf("error = %v does not name the liar", err)
			}
		})
	}
	opts := options(t, good, c)
	opts.Endpoints = []clusterinfo.Endpoint{deadEndpoint}
	if _, err := clusterinfo.Discover(t.Context(), opts); !apiclient.IsUnreachable(err) || !clusterinfo.Transient(err) {
		t.Errorf("error = %v, want unreachable", err)
	}
}

// The winner names an endpoint that answered before it with something else.
func TestDiscoverNamesALiar(t *testing.T) {
	c, other := newCA(t), newCA(t)
	liar := newCluster(t, c.server(t, host), always(signedData(t, other)))
	good := newCluster(t, c.server(t, host), func(int, *http.Request) (int, map[string]string) {
		for len(liar.requests()) == 0 || liar.connections() > 0 { // until its answer has been read
			time.Sleep(time.Millisecond)
		}
		return http.StatusOK, signedData(t, c)
	})
	opts := options(t, good, c)
	opts.Endpoints = []clusterinfo.Endpoint{good.endpoint(t), liar.endpoint(t)}
	got, err := clusterinfo.Discover(t.Context(), opts)
	if err != nil || got.Endpoint != good.endpoint(t) || len(got.Others) != 1 {
		t.Fatalf("endpoint = %s, others %v, %v", got.Endpoint, got.Others, err)
	}
	wantError(t, got.Others[0], clusterinfo.ErrPinMismatch)
	if !strings.Contains(got.Others[0].Error(), string(liar.endpoint(t))) {
		t.Errorf("others = %v, want the liar by name", got.Others)
	}
}

// The errors of endpoints are in the order of the endpoints, whichever answered first,
// and what will stay is matched before what may pass.
func TestDiscover_OrderOfEndpointErrors(t *testing.T) {
	c, other := newCA(t), newCA(t)
	liar := newCluster(t, c.server(t, host), always(signedData(t, other)))
	empty := newCluster(t, c.server(t, host), func(int, *http.Request) (int, map[string]string) {
		for len(liar.requests()) == 0 || liar.connections() > 0 { // until its answer has been read
			time.Sleep(time.Millisecond)
		}
		return http.StatusNotFound, nil
	})
	opts := options(t, empty, c)
	opts.Endpoints = []clusterinfo.Endpoint{empty.endpoint(t), liar.endpoint(t)}
	_, err := clusterinfo.Discover(t.Context(), opts)
	var errs clusterinfo.EndpointErrors
	if !errors.As(err, &errs) || len(errs) != 2 {
		t.Fatalf("error %v, want one of each endpoint", err)
	}
	wantError(t, errs[0], clusterinfo.ErrNotFound)
	wantError(t, errs[1], clusterinfo.ErrPinMismatch)
	wantError(t, errs.Unwrap()[0], clusterinfo.ErrPinMismatch)
}

// Several endpoints fail for good only when all do.
func TestTransientOfSeveralEndpoints(t *testing.T) {
	gone := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for want, errs := range map[bool]clusterinfo.EndpointErrors{
		true:  {clusterinfo.ErrPinMismatch, gone},
		false: {clusterinfo.ErrPinMismatch, clusterinfo.ErrSignature},
	} {
		if got := clusterinfo.Transient(fmt.Errorf("x: %w", errs)); got != want {
			t.Errorf("Transient(%v) = %v", errs, got)
		}
	}
}

func TestDiscoverNeedsAnEndpointAndAToken(t *testing.T) {
	c := newCA(t)
	data := signedData(t, c)
	data["jws-kubeconfig-"] = clusterinfo.Sign([]byte(data["kubeconfig"]), token.Token{})
	server := newCluster(t, c.server(t, host), always(data))
	for name, change := range map[string]func(*clusterinfo.Options){
		"no endpoint": func(o *clusterinfo.Options) { o.Endpoints = nil },
		"no token":    func(o *clusterinfo.Options) { o.Token = token.Token{} },
	} {
		t.Run(name, func(t *testing.T) {
			opts := options(t, server, c)
			change(&opts)
			got, err := clusterinfo.Discover(t.Context(), opts)
			if err == nil {
				t.Errorf("no error, and %d roots to trust", len(got.Roots))
			}
		})
	}
}

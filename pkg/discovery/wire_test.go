package discovery_test

import (
	"crypto/tls"
	"maps"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

const bearer = "Bearer abcdef.0123456789abcdef"

// step is one response of a server.
type step struct {
	status int
	data   map[string]string
}

// script is the responses to the unverified, the verified and the authenticated request
// in turn; the last response repeats.
func script(steps ...step) func(int, *http.Request) (int, map[string]string) {
	return func(n int, _ *http.Request) (int, map[string]string) {
		s := steps[min(n, len(steps))-1]
		return s.status, s.data
	}
}

// unsignedData is SignedData with the signature of another token instead.
func unsignedData(t testing.TB, cas ...testcluster.CA) map[string]string {
	t.Helper()
	data := testcluster.SignedData(t, cas...)
	data["jws-kubeconfig-bbbbbb"] = data["jws-kubeconfig-abcdef"]
	delete(data, "jws-kubeconfig-abcdef")
	return data
}

// wantRequests compares the credentials of the requests.
func wantRequests(t *testing.T, c *testcluster.Cluster, want ...string) {
	t.Helper()
	if got := c.Requests(); strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
		t.Errorf("requests had the credentials %q, want %q", got, want)
	}
}

// After a fault in the first response there is no second request; after a fault in the
// second, the token is not sent.
func TestDiscover_StopsAtFirstFault(t *testing.T) {
	pinned, evil := testcluster.NewCA(t), testcluster.NewCA(t)
	ok := func(data map[string]string) step { return step{http.StatusOK, data} }
	unsigned, changed := unsignedData(t, pinned), unsignedData(t, pinned, evil)
	tests := []struct {
		name    string
		steps   []step
		wantErr error
		want    []string
	}{
		{"only the signature missing", []step{ok(unsigned)}, discovery.ErrTokenNotSigned, []string{"", "", bearer}},
		{"unsigned, another CA", []step{ok(unsignedData(t, evil))}, clusterinfo.ErrPinMismatch, []string{""}},
		{"unsigned, invalid document", []step{ok(map[string]string{"kubeconfig": "kind: Config\n"})}, clusterinfo.ErrDocument, []string{""}},
		{"unsigned, changed", []step{ok(unsigned), ok(changed)}, discovery.ErrChanged, []string{"", ""}},
		{"unsigned, extra line feed", []step{ok(unsigned), ok(map[string]string{"kubeconfig": unsigned["kubeconfig"] + "\n"})}, discovery.ErrChanged, []string{"", ""}},
		{"verified: unauthorized", []step{ok(unsigned), {status: http.StatusUnauthorized}}, clusterinfo.ErrAnonymous, []string{"", ""}},
		{"verified: forbidden", []step{ok(unsigned), {status: http.StatusForbidden}}, clusterinfo.ErrAnonymous, []string{"", ""}},
		{"verified: gone", []step{ok(unsigned), {status: http.StatusNotFound}}, clusterinfo.ErrNotFound, []string{"", ""}},
		{"verified: emptied", []step{ok(unsigned), ok(nil)}, clusterinfo.ErrNotFound, []string{"", ""}},
		{"credentialed: gone", []step{ok(unsigned), ok(unsigned), {status: http.StatusNotFound}}, clusterinfo.ErrNotFound, []string{"", "", bearer}},
		{"signed, verified: gone", []step{ok(testcluster.SignedData(t, pinned)), {status: http.StatusNotFound}}, clusterinfo.ErrNotFound, []string{"", ""}},
		{"signed, document changed", []step{ok(testcluster.SignedData(t, pinned)), ok(testcluster.SignedData(t, pinned, evil))}, discovery.ErrChanged, []string{"", ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, pinned.Server(t, host), script(test.steps...))
			got, err := discovery.Discover(t.Context(), testcluster.Options(t, server, pinned))
			testcluster.WantError(t, err, test.wantErr)
			testcluster.WantRoots(t, got.Roots)
			wantRequests(t, server, test.want...)
		})
	}
}

// Server errors are transient, and the token is not rejected.
func TestDiscover_ServerErrors(t *testing.T) {
	c := testcluster.NewCA(t)
	data := unsignedData(t, c)
	for _, at := range []int{1, 2, 3} {
		steps := []step{{http.StatusOK, data}, {http.StatusOK, data}, {http.StatusOK, data}}
		steps[at-1] = step{status: http.StatusInternalServerError}
		server := testcluster.NewCluster(t, c.Server(t, host), script(steps...))
		_, err := discovery.Discover(t.Context(), testcluster.Options(t, server, c))
		if !discovery.Transient(err) || !kubeclient.IsTransient(err) {
			t.Errorf("500 to request %d: error = %v, want a transient one", at, err)
		}
	}
}

// No request, with or without the token, follows a redirect.
func TestDiscover_RedirectAtEachStep(t *testing.T) {
	c := testcluster.NewCA(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for at, want := range [][]string{{""}, {"", ""}, {"", "", bearer}} {
			second := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(unsignedData(t, c)))
			data := unsignedData(t, c)
			first := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(data))
			var n atomic.Int32
			inner := first.Config.Handler
			first.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if int(n.Add(1)) == at+1 {
					w.Header().Set("Location", second.URL+r.URL.Path)
					first.Record(r)
					w.WriteHeader(status)
					return
				}
				inner.ServeHTTP(w, r)
			})
			_, err := discovery.Discover(t.Context(), testcluster.Options(t, first, c))
			testcluster.WantError(t, err, kubeclient.ErrRedirect)
			wantRequests(t, first, want...)
			wantRequests(t, second)
		}
	}
}

// Each connection is verified: a server that changes its certificate before the token is
// tried does not receive the token.
func TestDiscover_VerifiesTokenConnection(t *testing.T) {
	pinned, evil := testcluster.NewCA(t), testcluster.NewCA(t)
	good, bad := pinned.Server(t, host), evil.Server(t, host)
	for from, want := range map[int32][]string{2: {""}, 3: {"", ""}, 4: {"", "", bearer}} {
		server := testcluster.NewCluster(t, good, testcluster.Always(unsignedData(t, pinned, evil)))
		var n atomic.Int32
		server.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if n.Add(1) >= from {
				return &tls.Config{Certificates: []tls.Certificate{bad}}, nil
			}
			return &tls.Config{Certificates: []tls.Certificate{good}}, nil
		}
		_, err := discovery.Discover(t.Context(), testcluster.Options(t, server, pinned))
		if untrusted := kubeclient.IsUntrusted(err); untrusted != (from < 4) {
			t.Errorf("connection %d: error = %v, untrusted %v", from, err, untrusted)
		}
		wantRequests(t, server, want...)
	}
}

// A request without credentials contains no part of the secret, and only the token is
// ever used as a credential.
func TestDiscover_SecretNotSent(t *testing.T) {
	c := testcluster.NewCA(t)
	server := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(unsignedData(t, c)))
	var mu sync.Mutex
	var dumps []string
	inner := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, true)
		if err != nil || len(r.TLS.PeerCertificates) != 0 || r.Header.Get("Cookie") != "" {
			t.Errorf("%d client certificates, cookie %q, %v", len(r.TLS.PeerCertificates), r.Header.Get("Cookie"), err)
		}
		mu.Lock()
		dumps = append(dumps, string(dump))
		mu.Unlock()
		inner.ServeHTTP(w, r)
	})
	_, err := discovery.Discover(t.Context(), testcluster.Options(t, server, c))
	testcluster.WantError(t, err, discovery.ErrTokenNotSigned)
	mu.Lock()
	defer mu.Unlock()
	for i, dump := range dumps {
		if got, want := strings.Contains(dump, "0123456789abcdef"), i == 2; got != want {
			t.Errorf("request %d contains the secret: %v, want %v:\n%s", i+1, got, want, dump)
		}
		if got, want := strings.Contains(dump, "abcdef"), i == 2; got != want {
			t.Errorf("request %d contains the ID: %v, want %v:\n%s", i+1, got, want, dump)
		}
	}
	if len(dumps) != 3 || strings.Contains(err.Error(), "0123456789abcdef") {
		t.Errorf("%d requests, error %q", len(dumps), err)
	}
}

// Observe receives which requests were anonymous, and no secret.
func TestDiscover_Observed(t *testing.T) {
	c := testcluster.NewCA(t)
	server := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(unsignedData(t, c)))
	opts := testcluster.Options(t, server, c)
	var as []string
	opts.Client.Observe = func(call kubeclient.Call) {
		as = append(as, call.As)
		if call.Status != http.StatusOK || !strings.HasPrefix(call.Path, "/api/v1/namespaces/kube-public/configmaps/cluster-info?") {
			t.Errorf("call %+v", call)
		}
	}
	_, err := discovery.Discover(t.Context(), opts)
	testcluster.WantError(t, err, discovery.ErrTokenNotSigned)
	if got, want := strings.Join(as, "|"), "anonymous, connection not verified|anonymous|token abcdef"; got != want {
		t.Errorf("calls as %q, want %q", got, want)
	}
}

// The error shows whether the token is wrong or the bootstrap signer is not running.
func TestDiscover_CountsSignatures(t *testing.T) {
	c := testcluster.NewCA(t)
	document := testcluster.DocumentOf(certpem.Encode(c.Certificate))
	tests := []struct {
		name string
		ids  []string
		want string
	}{
		{"none", nil, "no signatures"},
		{"one", []string{"bbbbbb"}, "a signature for 1 other token"},
		{"two", []string{"bbbbbb", "cccccc"}, "signatures for 2 other tokens"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := map[string]string{"kubeconfig": document}
			for _, id := range test.ids {
				data["jws-kubeconfig-"+id] = "x"
			}
			opts := testcluster.Options(t, testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(data)), c)
			_, err := discovery.Discover(t.Context(), opts)
			testcluster.WantError(t, err, discovery.ErrTokenNotSigned)
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "abcdef") {
				t.Errorf("error = %q, want one with %q", err, test.want)
			}
			if !discovery.Transient(err) {
				t.Error("a missing signature is not transient")
			}
		})
	}
}

// Another token's signature of the same document is not accepted.
func TestDiscover_OtherTokensSignature(t *testing.T) {
	c := testcluster.NewCA(t)
	other, err := token.Parse("bbbbbb.0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	good := testcluster.SignedData(t, c)
	theirs := clusterinfo.Sign([]byte(good["kubeconfig"]), other)
	tests := []struct {
		name    string
		change  map[string]string
		wantErr error
	}{
		{"in addition", map[string]string{"jws-kubeconfig-bbbbbb": theirs}, nil},
		{"under this token's ID", map[string]string{"jws-kubeconfig-abcdef": theirs}, clusterinfo.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := maps.Clone(good)
			maps.Copy(data, test.change)
			_, err := discovery.Discover(t.Context(), testcluster.Options(t, testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(data)), c))
			testcluster.WantError(t, err, test.wantErr)
		})
	}
}

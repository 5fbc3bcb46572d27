package discovery_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// knows returns the user of the token, and responds with 401 to any other credential.
func knows(text string) func(string) (int, authenticationv1.UserInfo) {
	return func(authorization string) (int, authenticationv1.UserInfo) {
		if authorization != "Bearer "+text {
			return http.StatusUnauthorized, authenticationv1.UserInfo{}
		}
		return http.StatusOK, authenticationv1.UserInfo{Username: "system:bootstrap:abcdef", Groups: []string{"system:bootstrappers"}}
	}
}

func TestIdentify(t *testing.T) {
	pinned, evil := testcluster.NewCA(t), testcluster.NewCA(t)
	tests := []struct {
		name   string
		change func(*discovery.Options)
		asked  []string // the credentials of each request
	}{
		{"pin", func(*discovery.Options) {}, []string{"", "Bearer abcdef.0123456789abcdef"}},
		{"CA file", func(o *discovery.Options) { o.Pins, o.CAs = nil, testcluster.Bundle(pinned) }, []string{"Bearer abcdef.0123456789abcdef"}},
		{"CA file and pin", func(o *discovery.Options) { o.CAs = testcluster.Bundle(evil, pinned) }, []string{"Bearer abcdef.0123456789abcdef"}},
		{"only the signature", func(o *discovery.Options) { o.Pins, o.SkipVerification = nil, true }, []string{"", "Bearer abcdef.0123456789abcdef"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, pinned.Server(t, host), testcluster.Always(testcluster.SignedData(t, pinned, evil)))
			server.Review = knows("abcdef.0123456789abcdef")
			opts := testcluster.Options(t, server, pinned)
			test.change(&opts)
			got, err := discovery.Identify(t.Context(), opts)
			if err != nil || got.Username != "system:bootstrap:abcdef" || !slices.Equal(got.Groups, []string{"system:bootstrappers"}) || got.Endpoint != server.Endpoint(t) {
				t.Errorf("Identify = %+v, %v", got, err)
			}
			if asked := server.Requests(); !slices.Equal(asked, test.asked) {
				t.Errorf("requests had the credentials %q, want %q", asked, test.asked)
			}
		})
	}
}

// The token is not sent over a connection with any fault.
func TestIdentify_TokenOnlyToTrusted(t *testing.T) {
	pinned, evil := testcluster.NewCA(t), testcluster.NewCA(t)
	unsigned := testcluster.SignedData(t, pinned)
	delete(unsigned, "jws-kubeconfig-abcdef")
	tests := []struct {
		name    string
		serving testcluster.CA
		data    map[string]string
		change  func(*discovery.Options)
		wantErr error // nil: a certificate error
	}{
		{"pin of another CA", pinned, testcluster.SignedData(t, pinned), func(o *discovery.Options) { o.Pins = clusterinfo.Pins(testcluster.Bundle(evil)) }, clusterinfo.ErrPinMismatch},
		{"pinned in the bundle, another on the wire", evil, testcluster.SignedData(t, pinned, evil), nil, nil},
		{"CA file, another on the wire", evil, testcluster.SignedData(t, evil), func(o *discovery.Options) { o.Pins, o.CAs = nil, testcluster.Bundle(pinned) }, nil},
		{"pin outside the CA file", pinned, testcluster.SignedData(t, pinned), func(o *discovery.Options) { o.CAs = testcluster.Bundle(evil) }, clusterinfo.ErrPinMismatch},
		{"no pin and no CA", pinned, testcluster.SignedData(t, pinned), func(o *discovery.Options) { o.Pins = nil }, discovery.ErrNoTrust},
		{"only the signature, which is missing", pinned, unsigned, func(o *discovery.Options) { o.Pins, o.SkipVerification = nil, true }, discovery.ErrUnsigned},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, test.serving.Server(t, host), testcluster.Always(test.data))
			server.Review = knows("abcdef.0123456789abcdef")
			opts := testcluster.Options(t, server, pinned)
			if test.change != nil {
				test.change(&opts)
			}
			_, err := discovery.Identify(t.Context(), opts)
			switch {
			case test.wantErr != nil:
				testcluster.WantError(t, err, test.wantErr)
			case !kubeclient.IsUntrusted(err):
				t.Errorf("error = %v, want a certificate error", err)
			}
			for _, credentials := range server.Requests() {
				if credentials != "" {
					t.Errorf("the server got the credentials %q", credentials)
				}
			}
		})
	}
}

func TestIdentify_Refusals(t *testing.T) {
	pinned := testcluster.NewCA(t)
	answer := func(status int) func(string) (int, authenticationv1.UserInfo) {
		return func(string) (int, authenticationv1.UserInfo) { return status, authenticationv1.UserInfo{} }
	}
	anonymous := func(status int) func(int, *http.Request) (int, map[string]string) {
		return func(int, *http.Request) (int, map[string]string) { return status, nil }
	}
	tests := []struct {
		name   string
		info   func(int, *http.Request) (int, map[string]string)
		review func(string) (int, authenticationv1.UserInfo)
		is     func(error) bool
	}{
		{"rejected", testcluster.Always(testcluster.SignedData(t, pinned)), answer(http.StatusUnauthorized), testcluster.Matching(discovery.ErrTokenRejected)},
		{"accepted, self-review forbidden", testcluster.Always(testcluster.SignedData(t, pinned)), answer(http.StatusForbidden), apierrors.IsForbidden},
		{"anonymous read forbidden", anonymous(http.StatusForbidden), answer(http.StatusOK), testcluster.Matching(clusterinfo.ErrAnonymous)},
		{"no cluster-info", anonymous(http.StatusNotFound), answer(http.StatusOK), testcluster.Matching(clusterinfo.ErrNotFound)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, pinned.Server(t, host), test.info)
			server.Review = test.review
			if _, err := discovery.Identify(t.Context(), testcluster.Options(t, server, pinned)); !test.is(err) {
				t.Errorf("error = %v", err)
			}
		})
	}
	t.Run("not reachable", func(t *testing.T) {
		server := testcluster.NewCluster(t, pinned.Server(t, host), testcluster.Always(testcluster.SignedData(t, pinned)))
		opts := testcluster.Options(t, server, pinned)
		server.Close()
		if _, err := discovery.Identify(t.Context(), opts); !kubeclient.IsUnreachable(err) {
			t.Errorf("error = %v, want a connection error", err)
		}
	})
	t.Run("no token", func(t *testing.T) {
		server := testcluster.NewCluster(t, pinned.Server(t, host), testcluster.Always(testcluster.SignedData(t, pinned)))
		opts := testcluster.Options(t, server, pinned)
		opts.Token = token.Token{}
		_, err := discovery.Identify(t.Context(), opts)
		testcluster.WantError(t, err, token.ErrInvalid)
	})
}

// The error names a wrong clock.
func TestIdentify_ClockSkew(t *testing.T) {
	pinned := testcluster.NewCA(t)
	server := testcluster.NewCluster(t, pinned.Server(t, host), testcluster.Always(testcluster.SignedData(t, pinned)))
	server.Review = knows("abcdef.0123456789abcdef")
	opts := testcluster.Options(t, server, pinned)
	opts.Client.Now = func() time.Time { return testcluster.Now.Add(-48 * time.Hour) }
	_, err := discovery.Identify(t.Context(), opts)
	testcluster.WantError(t, err, clusterinfo.ErrUnusableCA)
}

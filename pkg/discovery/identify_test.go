package clusterinfo_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// knows answers who the holder of the token is, and 401 to everyone else.
func knows(text string) func(string) (int, authenticationv1.UserInfo) {
	return func(authorization string) (int, authenticationv1.UserInfo) {
		if authorization != "Bearer "+text {
			return http.StatusUnauthorized, authenticationv1.UserInfo{}
		}
		return http.StatusOK, authenticationv1.UserInfo{Username: "system:bootstrap:abcdef", Groups: []string{"system:bootstrappers"}}
	}
}

func TestIdentify(t *testing.T) {
	pinned, evil := newCA(t), newCA(t)
	tests := []struct {
		name   string
		change func(*clusterinfo.Options)
		asked  []string // the credentials of each request
	}{
		{"pin", func(*clusterinfo.Options) {}, []string{"", "Bearer abcdef.0123456789abcdef"}},
		{"CA file", func(o *clusterinfo.Options) { o.Pins, o.CAs = nil, bundle(pinned) }, []string{"Bearer abcdef.0123456789abcdef"}},
		{"CA file and pin", func(o *clusterinfo.Options) { o.CAs = bundle(evil, pinned) }, []string{"Bearer abcdef.0123456789abcdef"}},
		{"signature alone", func(o *clusterinfo.Options) { o.Pins, o.SkipCAVerification = nil, true }, []string{"", "Bearer abcdef.0123456789abcdef"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCluster(t, pinned.server(t, host), always(signedData(t, pinned, evil)))
			server.review = knows("abcdef.0123456789abcdef")
			opts := options(t, server, pinned)
			test.change(&opts)
			got, err := clusterinfo.Identify(t.Context(), opts)
			if err != nil || got.Username != "system:bootstrap:abcdef" || !slices.Equal(got.Groups, []string{"system:bootstrappers"}) || got.Endpoint != server.endpoint(t) {
				t.Errorf("Identify = %+v, %v", got, err)
			}
			if asked := server.requests(); !slices.Equal(asked, test.asked) {
				t.Errorf("requests had the credentials %q, want %q", asked, test.asked)
			}
		})
	}
}

// Whatever is wrong with the connection, the token does not go over it.
func TestIdentifyKeepsTheTokenFromStrangers(t *testing.T) {
	pinned, evil := newCA(t), newCA(t)
	unsigned := signedData(t, pinned)
	delete(unsigned, "jws-kubeconfig-abcdef")
	tests := []struct {
		name    string
		serving ca
		data    map[string]string
		change  func(*clusterinfo.Options)
		wantErr error // nil: that of a certificate
	}{
		{"pin of another CA", pinned, signedData(t, pinned), func(o *clusterinfo.Options) { o.Pins = clusterinfo.Pins(bundle(evil)) }, clusterinfo.ErrPinMismatch},
		{"pinned in the bundle, another on the wire", evil, signedData(t, pinned, evil), nil, nil},
		{"CA file, another on the wire", evil, signedData(t, evil), func(o *clusterinfo.Options) { o.Pins, o.CAs = nil, bundle(pinned) }, nil},
		{"pin outside the CA file", pinned, signedData(t, pinned), func(o *clusterinfo.Options) { o.CAs = bundle(evil) }, clusterinfo.ErrPinMismatch},
		{"no pin and no CA", pinned, signedData(t, pinned), func(o *clusterinfo.Options) { o.Pins = nil }, clusterinfo.ErrNoTrust},
		{"signature alone, and there is none", pinned, unsigned, func(o *clusterinfo.Options) { o.Pins, o.SkipCAVerification = nil, true }, clusterinfo.ErrUnsigned},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCluster(t, test.serving.server(t, host), always(test.data))
			server.review = knows("abcdef.0123456789abcdef")
			opts := options(t, server, pinned)
			if test.change != nil {
				test.change(&opts)
			}
			_, err := clusterinfo.Identify(t.Context(), opts)
			switch {
			case test.wantErr != nil:
				wantError(t, err, test.wantErr)
			case !apiclient.IsUntrusted(err):
				t.Errorf("error = %v, want one of the certificate", err)
			}
			for _, credentials := range server.requests() {
				if credentials != "" {
					t.Errorf("the server got the credentials %q", credentials)
				}
			}
		})
	}
}

func TestIdentifyTellsRefusalsApart(t *testing.T) {
	pinned := newCA(t)
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
		{"rejected", always(signedData(t, pinned)), answer(http.StatusUnauthorized), matching(clusterinfo.ErrTokenRejected)},
		{"accepted, and may not ask", always(signedData(t, pinned)), answer(http.StatusForbidden), apierrors.IsForbidden},
		{"anonymous may not read", anonymous(http.StatusForbidden), answer(http.StatusOK), matching(clusterinfo.ErrAnonymous)},
		{"no cluster-info", anonymous(http.StatusNotFound), answer(http.StatusOK), matching(clusterinfo.ErrNotFound)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := newCluster(t, pinned.server(t, host), test.info)
			server.review = test.review
			if _, err := clusterinfo.Identify(t.Context(), options(t, server, pinned)); !test.is(err) {
				t.Errorf("error = %v", err)
			}
		})
	}
	t.Run("not reachable", func(t *testing.T) {
		server := newCluster(t, pinned.server(t, host), always(signedData(t, pinned)))
		opts := options(t, server, pinned)
		server.Close()
		if _, err := clusterinfo.Identify(t.Context(), opts); !apiclient.IsUnreachable(err) {
			t.Errorf("error = %v, want one of the connection", err)
		}
	})
	t.Run("no token", func(t *testing.T) {
		server := newCluster(t, pinned.server(t, host), always(signedData(t, pinned)))
		opts := options(t, server, pinned)
		opts.Token = token.Token{}
		_, err := clusterinfo.Identify(t.Context(), opts)
		wantError(t, err, token.ErrInvalid)
	})
}

// A clock that is wrong is named as that.
func TestIdentifyNamesTheClock(t *testing.T) {
	pinned := newCA(t)
	server := newCluster(t, pinned.server(t, host), always(signedData(t, pinned)))
	server.review = knows("abcdef.0123456789abcdef")
	opts := options(t, server, pinned)
	opts.Client.Now = func() time.Time { return now.Add(-48 * time.Hour) }
	_, err := clusterinfo.Identify(t.Context(), opts)
	wantError(t, err, clusterinfo.ErrUnusableCA)
}

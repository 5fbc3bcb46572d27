package discovery_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/token"
)

func TestTrust_Trusted(t *testing.T) {
	first, second, third := testcluster.NewCA(t), testcluster.NewCA(t), testcluster.NewCA(t)
	all := testcluster.Bundle(first, second, third)
	tests := []struct {
		name    string
		trust   discovery.Trust
		want    []testcluster.CA
		wantErr error
	}{
		{"pins", discovery.Trust{Pins: clusterinfo.Pins(testcluster.Bundle(second))}, []testcluster.CA{second}, nil},
		{"CA certificates", discovery.Trust{CAs: testcluster.Bundle(first, second)}, []testcluster.CA{first, second}, nil},
		{"both", discovery.Trust{CAs: testcluster.Bundle(first, second), Pins: clusterinfo.Pins(testcluster.Bundle(second, third))}, []testcluster.CA{second}, nil},
		{"neither checked", discovery.Trust{SkipVerification: true}, []testcluster.CA{first, second, third}, nil},
		{"both, with different keys", discovery.Trust{CAs: testcluster.Bundle(first), Pins: clusterinfo.Pins(testcluster.Bundle(second))}, nil, clusterinfo.ErrPinMismatch},
		{"nothing specified", discovery.Trust{}, nil, clusterinfo.ErrPinMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.trust.Trusted(all, testcluster.Now)
			testcluster.WantError(t, err, test.wantErr)
			testcluster.WantRoots(t, got, test.want...)
		})
	}
}

// Pins and CAs also restrict each other in Discover.
func TestDiscover_PinsAndCAs(t *testing.T) {
	both, pinnedOnly, fileOnly, neither := testcluster.NewCA(t), testcluster.NewCA(t), testcluster.NewCA(t), testcluster.NewCA(t)
	tests := []struct {
		name    string
		signer  testcluster.CA // of the server's certificate
		bundle  []testcluster.CA
		want    []testcluster.CA
		wantErr error
	}{
		{"the one that is both", both, []testcluster.CA{neither, fileOnly, pinnedOnly, both}, []testcluster.CA{both}, nil},
		{"pinned, not in the file", pinnedOnly, []testcluster.CA{pinnedOnly}, nil, clusterinfo.ErrPinMismatch},
		{"in the file, not pinned", fileOnly, []testcluster.CA{fileOnly}, nil, clusterinfo.ErrPinMismatch},
		{"one of each", both, []testcluster.CA{pinnedOnly, fileOnly}, nil, clusterinfo.ErrPinMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := testcluster.NewCluster(t, test.signer.Server(t, host), testcluster.Always(testcluster.SignedData(t, test.bundle...)))
			opts := testcluster.Options(t, server, both, pinnedOnly)
			opts.CAs = testcluster.Bundle(both, fileOnly)
			got, err := discovery.Discover(t.Context(), opts)
			testcluster.WantError(t, err, test.wantErr)
			testcluster.WantRoots(t, got.Roots, test.want...)
		})
	}
}

// Even without a pin, a certificate that is not a CA or has expired is not a root.
func TestDiscover_UsableCAsOnly(t *testing.T) {
	good, expired := testcluster.NewCA(t), testcluster.NewCA(t, func(c *x509.Certificate) { c.NotAfter = testcluster.Now.Add(-time.Second) })
	server := testcluster.NewCluster(t, good.Server(t, host), testcluster.Always(testcluster.SignedData(t, good, expired)))
	opts := testcluster.Options(t, server)
	opts.SkipVerification = true
	got, err := discovery.Discover(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	testcluster.WantRoots(t, got.Roots, good)
	if len(got.CAs) != 2 {
		t.Errorf("the document has %d CAs, want both", len(got.CAs))
	}
}

func TestOptions_Validate(t *testing.T) {
	c := testcluster.NewCA(t)
	tests := []struct {
		name    string
		change  func(*discovery.Options)
		wantErr error
	}{
		{"pins", func(*discovery.Options) {}, nil},
		{"CAs", func(o *discovery.Options) { o.Pins, o.CAs = nil, testcluster.Bundle(c) }, nil},
		{"only the signature", func(o *discovery.Options) { o.Pins, o.SkipVerification = nil, true }, nil},
		{"no endpoint", func(o *discovery.Options) { o.Endpoints = nil }, clusterinfo.ErrInvalidEndpoint},
		{"no token", func(o *discovery.Options) { o.Token = token.Token{} }, token.ErrInvalid},
		{"nothing to trust", func(o *discovery.Options) { o.Pins = nil }, discovery.ErrNoTrust},
		{"empty pins and CAs", func(o *discovery.Options) { o.Pins, o.CAs = []clusterinfo.Pin{}, []*x509.Certificate{} }, discovery.ErrNoTrust},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := discovery.Options{Endpoints: []clusterinfo.Endpoint{"10.0.0.1:6443"}, Token: testcluster.ParseToken(t), Trust: discovery.Trust{Pins: clusterinfo.Pins(testcluster.Bundle(c))}}
			test.change(&opts)
			testcluster.WantError(t, opts.Validate(), test.wantErr)
		})
	}
}

// A pin or a CA that is specified is never ignored.
func TestDiscover_SkipKeepsPins(t *testing.T) {
	pinned, other := testcluster.NewCA(t), testcluster.NewCA(t)
	for name, change := range map[string]func(*discovery.Options){
		"pin": func(*discovery.Options) {},
		"CA": func(o *discovery.Options) {
			o.Pins, o.CAs = nil, []*x509.Certificate{pinned.Certificate}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := testcluster.NewCluster(t, other.Server(t, host), testcluster.Always(testcluster.SignedData(t, other)))
			opts := testcluster.Options(t, server, pinned)
			opts.SkipVerification = true
			change(&opts)
			_, err := discovery.Discover(t.Context(), opts)
			testcluster.WantError(t, err, clusterinfo.ErrPinMismatch)
		})
	}
}

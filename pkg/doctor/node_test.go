package doctor_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// node returns a node that has a token and the CA of the cluster, with changes.
func (s *site) node(changes ...func(*discovery.Options)) doctor.Node {
	s.t.Helper()
	info, err := token.CreateRandom(s.t.Context(), s.admin.CoreV1(), token.Spec{Usages: []string{token.Signing, token.Authentication}}, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	opts := discovery.Options{
		Endpoints: []clusterinfo.Endpoint{s.endpoint}, Token: info.Token, Trust: discovery.Trust{CAs: []*x509.Certificate{s.ca.Certificate}},
		Client: kubeclient.Options{Timeout: time.Minute},
	}
	for _, change := range changes {
		change(&opts)
	}
	return doctor.Node{Discovery: opts}
}

func TestNode(t *testing.T) {
	all := []string{"endpoint OK", "clock OK", "anonymous OK", "cluster-info OK", "ca OK", "certificate OK", "token-authentication OK", "signatures OK"}
	noTrust := slices.Replace(slices.Clone(all), 4, 5, "ca WARN CARequired")
	without := func(findings []string) []string { // the check that sends the token
		return slices.Delete(slices.Clone(findings), 6, 7)
	}
	tests := []struct {
		name   string
		change func(*discovery.Options)
		want   []string
		sent   bool
	}{
		{"CA and token", func(*discovery.Options) {}, all, true},
		{"pin and token", func(o *discovery.Options) { o.Pins, o.CAs = clusterinfo.Pins(o.CAs), nil }, all, true},
		{"only a CA", func(o *discovery.Options) { o.Token = token.Token{} }, without(all), false},
		{"only a token", func(o *discovery.Options) { o.CAs = nil }, without(noTrust), false},
		{"only the signature", func(o *discovery.Options) { o.CAs, o.SkipVerification = nil, true }, noTrust, true},
		{"nothing", func(o *discovery.Options) { o.CAs, o.Token = nil, token.Token{} }, without(noTrust), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			findings := s.node(test.change).Run(t.Context())
			if got := checks(findings); !slices.Equal(got, test.want) {
				t.Errorf("findings %+v, want %q", findings, test.want)
			}
			if s.sent() != test.sent {
				t.Errorf("the token was sent: %v", s.sent())
			}
			if strings.Contains(fmt.Sprint(findings), s.secrets[0]) {
				t.Errorf("%+v shows the secret", findings)
			}
			for _, f := range findings {
				if test.want[4] == noTrust[4] && (f.Check == "ca" || f.Check == "certificate") && !strings.Contains(f.Message, "is not verified") {
					t.Errorf("%+v does not report that it is not verified", f)
				}
			}
		})
	}
}

// A node with everything it needs reports each fault of a cluster, and nothing that
// works.
func TestNode_Findings(t *testing.T) {
	evil := testca.New(t, time.Now(), longLived)
	edited := func(edit func(data map[string]string)) func(*site) {
		return func(s *site) { s.rewrite(edit) }
	}
	signatures := func(change func(string) string) func(*site) {
		return edited(func(data map[string]string) {
			for key, value := range data {
				if strings.HasPrefix(key, "jws-kubeconfig-") {
					data[key] = change(value)
				}
			}
		})
	}
	tests := []struct {
		name   string
		site   func(*site, *clusterinfo.Document, *tls.Certificate)
		change func(*site) // after the token was created
		trust  func(*discovery.Options)
		want   []string
	}{
		{"no server", nil, nil, func(o *discovery.Options) { o.Endpoints[0] = "127.0.0.1:1" }, []string{"endpoint FAIL Unreachable"}},
		{"clock differs", nil, nil, ahead(2 * time.Minute), []string{"clock WARN ClockSkew"}},
		{"clock is wrong", nil, nil, ahead(-6 * time.Minute), []string{"clock FAIL ClockSkew"}},
		{"anonymous requests are off", nil, func(s *site) { s.rejects = "system:anonymous" }, nil, []string{"anonymous FAIL AnonymousDisabled"}},
		{"anonymous requests are off, and a pin", nil, func(s *site) { s.rejects = "system:anonymous" }, pinned, []string{"anonymous FAIL AnonymousDisabled"}},
		{"no cluster-info", nil, edited(func(data map[string]string) { clear(data) }), nil, []string{"anonymous FAIL ClusterInfoNotFound"}},
		{"invalid document", nil, edited(func(data map[string]string) { data["kubeconfig"] = "users: [{}]" }), nil, []string{"cluster-info FAIL DocumentInvalid"}},
		{"another pin", nil, nil, func(o *discovery.Options) { o.Pins = []clusterinfo.Pin{clusterinfo.PinOf(evil.Certificate)} }, []string{"ca FAIL PinMismatch"}},
		{"the CA has expired", expiring(-time.Hour), nil, nil, []string{"ca FAIL CAExpired"}},
		{"the CA expires soon", expiring(29 * 24 * time.Hour), nil, nil, []string{"ca WARN CAExpiresSoon"}},
		{"another CA serves", func(_ *site, _ *clusterinfo.Document, c *tls.Certificate) { *c = evil.Serving(t, time.Now()) }, nil, nil, []string{"certificate FAIL CertificateUntrusted"}},
		{"the certificate is for another address", func(s *site, _ *clusterinfo.Document, c *tls.Certificate) {
			*c = s.ca.Serving(t, time.Now(), func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })
		}, nil, nil, []string{"certificate FAIL CertificateUntrusted"}},
		{"cluster-info differs", nil, func(s *site) { s.changes = true }, nil, []string{"certificate FAIL ClusterInfoChanged", "signatures FAIL SignatureInvalid STALE"}},
		{"cluster-info names another address", func(_ *site, d *clusterinfo.Document, _ *tls.Certificate) { d.Server = "127.0.0.1:1" }, nil, nil, []string{"server FAIL Unreachable"}},
		{"no signature", nil, edited(func(data map[string]string) {
			for key := range data {
				if key != "kubeconfig" {
					delete(data, key)
				}
			}
		}), nil, []string{"signatures FAIL SignatureMissing"}},
		{"a stale signature", nil, edited(func(data map[string]string) { data["kubeconfig"] += "\n" }), nil, []string{"signatures FAIL SignatureInvalid STALE"}},
		{"a malformed signature", nil, signatures(func(string) string { return "none" }), nil, []string{"signatures FAIL SignatureInvalid MALFORMED"}},
		{"the token is unknown", nil, nil, func(o *discovery.Options) {
			tok, err := token.Generate(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			o.Token = tok
		}, []string{"token-authentication FAIL TokenRejected", "signatures FAIL SignatureMissing"}},
		{"the token is rejected", nil, func(s *site) { s.rejects = "system:bootstrap" }, nil, []string{"token-authentication FAIL TokenRejected"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var changes []func(*site, *clusterinfo.Document, *tls.Certificate)
			if test.site != nil {
				changes = append(changes, test.site)
			}
			s := newSite(t, changes...)
			n := s.node()
			if test.change != nil {
				test.change(s)
			}
			if test.trust != nil {
				test.trust(&n.Discovery)
			}
			var got []string
			for i, f := range n.Run(t.Context()) {
				if f.Status != doctor.OK {
					found := checks([]doctor.Finding{f})[0]
					if f.Reason == doctor.SignatureInvalid { // the state is in the message
						found += f.Message[strings.LastIndex(f.Message, " "):]
					}
					got = append(got, found)
				}
				if (f.Fix == "") != (f.Status == doctor.OK) || f.Message == "" {
					t.Errorf("finding %d: %+v", i, f)
				}
				if _, after, ok := strings.Cut(f.Fix, "--endpoint "); ok && !strings.HasPrefix(after, "ADDRESS") {
					t.Errorf("the fix %q has another placeholder", f.Fix)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("findings %q, want %q", got, test.want)
			}
		})
	}
}

func pinned(o *discovery.Options) { o.Pins, o.CAs = clusterinfo.Pins(o.CAs), nil }

func ahead(by time.Duration) func(*discovery.Options) {
	return func(o *discovery.Options) { o.Client.Now = func() time.Time { return time.Now().Add(by) } }
}

// expiring gives the cluster a CA that expires after that time.
func expiring(in time.Duration) func(*site, *clusterinfo.Document, *tls.Certificate) {
	return func(s *site, d *clusterinfo.Document, c *tls.Certificate) {
		s.ca = testca.New(s.t, time.Now(), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(in) })
		d.CAs[0], *c = s.ca.Certificate, s.ca.Serving(s.t, time.Now())
	}
}

package doctor_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/doctor"
)

// An address that fails is named once.
func TestFinding_AddressOnce(t *testing.T) {
	refused := newSite(t)
	refused.rejects = "system:anonymous"
	lost := newSite(t, func(_ *site, d *clusterinfo.Document, _ *tls.Certificate) { d.Server = "127.0.0.1:1" })
	var other string
	misled := newSite(t, func(s *site, d *clusterinfo.Document, _ *tls.Certificate) { // names a server that is not an API server
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{s.ca.Serving(t, time.Now())}, MinVersion: tls.VersionTLS12}
		server.StartTLS()
		t.Cleanup(server.Close)
		other = server.Listener.Addr().String()
		d.Server = clusterinfo.Endpoint(other)
	})
	tests := []struct {
		name     string
		findings []doctor.Finding
		check    string
		address  string
	}{
		{"probe, address in the error", refused.probe().Run(t.Context()), "probe: discovery", string(refused.endpoint)},
		{"probe", runUntil(t, lost.probe(), "discovery"), "probe: discovery", "127.0.0.1:1"},
		{"node, address in the error", misled.node().Run(t.Context()), "server", other},
		{"node", lost.node().Run(t.Context()), "server", "127.0.0.1:1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			at := slices.IndexFunc(test.findings, func(f doctor.Finding) bool { return f.Check == test.check })
			if at < 0 {
				t.Fatalf("found %+v, want one of %s", test.findings, test.check)
			}
			if f := test.findings[at]; f.Status != doctor.FAIL || !strings.HasPrefix(f.Message, test.address+": ") || strings.HasPrefix(f.Message, test.address+": "+test.address) {
				t.Errorf("found %+v, want %s once", f, test.address)
			}
		})
	}
}

package clusterinfo_test

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

func TestParseEndpoint(t *testing.T) {
	bad := clusterinfo.ErrInvalidEndpoint
	tests := []struct {
		text    string
		want    clusterinfo.Endpoint
		wantErr error
	}{
		{"host", "host:6443", nil},
		{"host:8443", "host:8443", nil},
		{"host.example.com:1", "host.example.com:1", nil},
		{"10.0.0.1:65535", "10.0.0.1:65535", nil},
		{"10.0.0.1", "10.0.0.1:6443", nil},
		{"https://host", "host:443", nil},
		{"https://host:6443", "host:6443", nil},
		{"https://host:6443/", "host:6443", nil},
		{"HTTPS://host:6443", "host:6443", nil},
		{"[fd00::1]:6443", "[fd00::1]:6443", nil},
		{"[fd00::1]", "[fd00::1]:6443", nil},
		{"fd00::1", "[fd00::1]:6443", nil},
		{"https://[fd00::1]", "[fd00::1]:443", nil},
		{"", "", bad},
		{":6443", "", bad},
		{"http://host:6443", "", bad},
		{"ftp://host:6443", "", bad},
		{"://host:6443", "", bad},
		{"https://", "", bad},
		{"https://user@host:6443", "", bad},
		{"user:secret@host:6443", "", bad},
		{"host:6443/path", "", bad},
		{"https://host:6443/path", "", bad},
		{"https://host:6443?q=1", "", bad},
		{"https://host:6443?", "", bad},
		{"https://host:6443#f", "", bad},
		{"host:0", "", bad},
		{"host:65536", "", bad},
		{"host:", "", bad},
		{"host:-1", "", bad},
		{"host:https", "", bad},
		{"fe80::1%eth0", "", bad},
		{"[fe80::1%25eth0]:6443", "", bad},
		{"https://[fe80::1%25eth0]:6443", "", bad},
		{"fd00::1:6443:x", "", bad},
		{"[fd00::1", "", bad},
		{"ho st:6443", "", bad},
		{"host:6443\n", "", bad},
		{"ho\x1bst:6443", "", bad},
		{"host..example:6443", "", bad},
		{"höst:6443", "", bad},
		{strings.Repeat("a", 64) + ":6443", "", bad},
		{strings.Repeat("a.", 126) + "aa:6443", "", bad},
		{"a,b:6443", "", bad},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := clusterinfo.ParseEndpoint(test.text)
			testcluster.WantError(t, err, test.wantErr)
			if got != test.want {
				t.Errorf("endpoint = %q, want %q", got, test.want)
			}
		})
	}
}

func TestEndpoint_URL(t *testing.T) {
	if got := clusterinfo.Endpoint("[fd00::1]:6443").URL(); got != "https://[fd00::1]:6443" {
		t.Errorf("URL = %q", got)
	}
}

func TestEndpoint_IsLoopback(t *testing.T) {
	for endpoint, want := range map[clusterinfo.Endpoint]bool{
		"localhost:6443": true, "127.0.0.1:6443": true, "127.9.9.9:1": true, "[::1]:6443": true,
		"LOCALHOST:6443": true, "0.0.0.0:6443": true, "[::]:6443": true,
		"10.0.0.1:6443": false, "localhost.example.com:6443": false, "[fd00::1]:6443": false, "": false,
	} {
		if got := endpoint.IsLoopback(); got != want {
			t.Errorf("%q.IsLoopback() = %v, want %v", endpoint, got, want)
		}
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"host", "https://host:1/", "[fd00::1]:6443", "fe80::1%eth0", "u@h:1", "h:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		endpoint, err := clusterinfo.ParseEndpoint(s)
		if err != nil {
			testcluster.WantError(t, err, clusterinfo.ErrInvalidEndpoint)
			return
		}
		if again, err := clusterinfo.ParseEndpoint(string(endpoint)); err != nil || again != endpoint {
			t.Errorf("ParseEndpoint(%q) = %q, which parses as %q, %v", s, endpoint, again, err)
		}
		u, err := url.Parse(endpoint.URL())
		if err != nil || u.Scheme != "https" || u.Host != string(endpoint) || u.User != nil || u.Path != "" || u.RawQuery != "" {
			t.Errorf("the URL of %q is %q", s, endpoint.URL())
		}
		_, port, err := net.SplitHostPort(string(endpoint))
		if n, portErr := strconv.Atoi(port); err != nil || portErr != nil || n < 1 || n > 65535 {
			t.Errorf("the port of %q is %q", s, port)
		}
	})
}

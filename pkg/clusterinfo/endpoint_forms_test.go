package clusterinfo_test

import (
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

func TestParseEndpoint_Forms(t *testing.T) {
	bad := clusterinfo.ErrInvalidEndpoint
	label := strings.Repeat("a", 63)
	tests := []struct {
		name, text string
		want       clusterinfo.Endpoint
		wantErr    error
	}{
		{"short IPv6", "::1", "[::1]:6443", nil},
		{"long IPv6", "fd00:0:0:0:0:0:0:1", "[fd00:0:0:0:0:0:0:1]:6443", nil},
		{"IPv6 with embedded IPv4", "::ffff:10.0.0.1", "[::ffff:10.0.0.1]:6443", nil},
		{"IPv4 after https://", "https://10.0.0.1", "10.0.0.1:443", nil},
		{"lowest port", "host:1", "host:1", nil},
		{"highest port", "host:65535", "host:65535", nil},
		{"underscore", "my_host:6443", "my_host:6443", nil},
		{"longest label", label + ":6443", clusterinfo.Endpoint(label + ":6443"), nil},
		{"port with zeros", "host:06443", "host:6443", nil},
		{"digits in a name", "10.0.0.a:1", "10.0.0.a:1", nil},
		{"byte past 255", "10.0.0.256", "", bad},
		{"short IPv4", "127.1", "", bad},
		{"five bytes", "1.2.3.4.5", "", bad},
		{"IPv4 as a number", "2130706433", "", bad},
		{"IPv4 as a hexadecimal number", "0x7f000001", "", bad},
		{"brackets around IPv4", "[10.0.0.1:6443", "", bad},
		{"empty brackets", "[]:6443", "", bad},
		{"text after the brackets", "[fd00::1]x:6443", "", bad},
		{"nine groups", "fd00:0:0:0:0:0:0:0:1", "", bad},
		{"zone in brackets", "[fe80::1%eth0]:6443", "", bad},
		{"percent in the host", "ho%73t:6443", "", bad},
		{"percent in the host after https://", "https://ho%73t:6443", "", bad},
		{"backslash", `host\@evil:6443`, "", bad},
		{"a token", "abcdef.0123456789abcdef", "", bad},
		{"a token with a port", "abcdef.0123456789abcdef:6443", "", bad},
		{"at", "host@evil:6443", "", bad},
		{"two schemes", "https://https://host:6443", "", bad},
		{"scheme without slashes", "https:/host:6443", "", bad},
		{"only slashes", "//host:6443", "", bad},
		{"query without https://", "host?x:6443", "", bad},
		{"fragment without https://", "host#x:6443", "", bad},
		{"semicolon", "host;x:6443", "", bad},
		{"plus before the port", "host:+6443", "", bad},
		{"space before the port", "host: 6443", "", bad},
		{"two ports", "host:6443:6443", "", bad},
		{"port that wraps around", "host:4294973739", "", bad},
		{"space before", " host:6443", "", bad},
		{"space after", "host:6443 ", "", bad},
		{"tab", "host\t:6443", "", bad},
		{"zero byte", "host\x00:6443", "", bad},
		{"dot before", ".host:6443", "", bad},
		{"dot after", "host.:6443", "", bad},
		{"wildcard", "*.example.com:6443", "", bad},
		{"quote", `host":6443`, "", bad},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := clusterinfo.ParseEndpoint(test.text)
			testcluster.WantError(t, err, test.wantErr)
			if got != test.want {
				t.Errorf("endpoint = %q, want %q", got, test.want)
			}
		})
	}
}

func TestIsLoopback_Forms(t *testing.T) {
	for text, want := range map[string]bool{
		"::1": true, "::ffff:127.0.0.1": true, "127.0.0.1": true, "127.255.255.255": true, "https://localhost": true,
		"::2": false, "::ffff:10.0.0.1": false, "128.0.0.1": false, "126.0.0.1": false, "notlocalhost": false, "fe80::1": false,
	} {
		endpoint, err := clusterinfo.ParseEndpoint(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := endpoint.IsLoopback(); got != want {
			t.Errorf("%s.IsLoopback() = %v, want %v", endpoint, got, want)
		}
	}
}

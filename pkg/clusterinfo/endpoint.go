package clusterinfo

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/bootctl/bootctl/pkg/token"
)

// ErrInvalidEndpoint means that a string is not the address of an API server.
var ErrInvalidEndpoint = errors.New("not an API server address")

// defaultPort is the API server's port in clusters of kubeadm.
const defaultPort = "6443"

// Endpoint is the address of an API server, as host:port.
type Endpoint string

// ParseEndpoint reads the address of an API server: HOST, HOST:PORT, or
// https://HOST:PORT, with IPv6 addresses in brackets or, without a port, bare.
// The port defaults to 6443, or to 443 after https://. It returns an error that
// matches ErrInvalidEndpoint.
func ParseEndpoint(s string) (Endpoint, error) {
	if strings.Contains(s, "://") {
		return parseURL(s, "443")
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Is6() {
		s = "[" + s + "]"
	}
	return parseURL("https://"+s, defaultPort)
}

func parseURL(s, port string) (Endpoint, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", fmt.Errorf("%q: %w", token.Redact(s), ErrInvalidEndpoint)
	}
	shown := token.Redact(u.Redacted())
	problem := ""
	switch {
	case u.Scheme != "https":
		problem = "it is not https"
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "" || u.Opaque != "":
		problem = "it has more than a host and a port"
	case token.Redact(u.Hostname()) != u.Hostname():
		problem = "it is a token; pass it with --token-file" // a token must not reach a DNS query
	case !validHost(u.Hostname()):
		problem = "its host is not a host name or an IP address"
	}
	if u.Port() != "" || strings.HasSuffix(u.Host, ":") {
		port = u.Port()
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if problem == "" && (err != nil || number == 0) {
		problem = "its port is not between 1 and 65535"
	}
	if problem != "" {
		return "", fmt.Errorf("%q: %w: %s", shown, ErrInvalidEndpoint, problem)
	}
	return Endpoint(net.JoinHostPort(u.Hostname(), strconv.FormatUint(number, 10))), nil
}

// hostName matches host names.
var hostName = regexp.MustCompile(`^([\w-]{1,63}\.)*[\w-]{1,63}$`)

func validHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	lastLabel := host[strings.LastIndex(host, ".")+1:]
	if _, err := strconv.ParseUint(lastLabel, 0, 64); err == nil {
		return false // resolvers accept forms of addresses that netip rejects
	}
	return len(host) <= 253 && hostName.MatchString(host)
}

// URL returns the address as https://host:port.
func (e Endpoint) URL() string { return "https://" + string(e) }

// IsLoopback reports whether only this machine can reach the endpoint.
func (e Endpoint) IsLoopback() bool {
	host, _, _ := net.SplitHostPort(string(e)) // an invalid endpoint has no host
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && (addr.IsLoopback() || addr.IsUnspecified())
}

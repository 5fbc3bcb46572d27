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

// ErrInvalidEndpoint means that a text is not the address of an API server.
var ErrInvalidEndpoint = errors.New("not the address of an API server")

// defaultPort is where kubeadm lets the API server listen.
const defaultPort = "6443"

// Endpoint is the address of an API server, as host:port.
type Endpoint string

// ParseEndpoint reads the address of an API server: HOST, HOST:PORT, or
// https://HOST:PORT, with IPv6 addresses in brackets or, without a port, bare.
// The port is 6443 when none is given, and 443 after https://. It returns an
// error that matches ErrInvalidEndpoint.
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
		problem = "it is a token, which goes into --token-file" // and never into a DNS query
	case !validHost(u.Hostname()):
		problem = "its host is not a name or an address"
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

// hostName is what the name of a host looks like.
var hostName = regexp.MustCompile(`^([\w-]{1,63}\.)*[\w-]{1,63}$`)

func validHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	lastLabel := host[strings.LastIndex(host, ".")+1:]
	if _, err := strconv.ParseUint(lastLabel, 0, 64); err == nil {
		return false // resolvers take it for an address, in forms that netip does not
	}
	return len(host) <= 253 && hostName.MatchString(host)
}

// URL returns the address as https://host:port.
func (e Endpoint) URL() string { return "https://" + string(e) }

// IsLoopback says whether only this machine can reach the endpoint.
func (e Endpoint) IsLoopback() bool {
	host, _, _ := net.SplitHostPort(string(e)) // what is none has no host
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && (addr.IsLoopback() || addr.IsUnspecified())
}

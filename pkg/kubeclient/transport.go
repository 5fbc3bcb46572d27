package kubeclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"
)

// ErrRedirect means that the server responded with a redirect, which is never followed:
// the request's credentials would be sent to the other server.
var ErrRedirect = errors.New("the server responded with a redirect, which an API server never does")

func newTransport(config *rest.Config, opts Options) (*http.Transport, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("TLS configuration: %w", err)
	}
	if tlsConfig == nil {
		tlsConfig = &tls.Config{}
	}
	tlsConfig.MinVersion = tls.VersionTLS12
	tlsConfig.Time = opts.Now
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                  proxyOf(config, opts),
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}, nil
}

func newHTTPClient(config *rest.Config, transport *http.Transport, opts Options) (*http.Client, error) {
	authenticated, err := rest.HTTPWrappersForConfig(config, contentTypeChecker{bodyLimiter{transport, bodyLimit}})
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return httpClient(observed{authenticated, opts.As, opts.Observe}, config.Timeout), nil
}

// httpClient returns a client that refuses redirects, and sends one request per call
// within Until.
func httpClient(transport http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport:     noRetry{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
		Timeout:       timeout,
	}
}

// ProxyError means that a proxy refused a connection.
type ProxyError struct {
	Proxy  string // its URL, without a password
	Status string // its response, such as "407 Proxy Authentication Required"
	code   int
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s responded with %s", e.Proxy, e.Status)
}

// isFinal reports whether the proxy would refuse another attempt as well.
func (e *ProxyError) isFinal() bool { return e.code < http.StatusInternalServerError }

// proxyOf returns the function that chooses the proxy of a request, as set in the
// configuration or, by default, the environment.
func proxyOf(config *rest.Config, opts Options) func(*http.Request) (*url.URL, error) {
	choose := config.Proxy
	switch {
	case opts.NoProxy:
		return nil
	case choose == nil:
		choose = http.ProxyFromEnvironment
	}
	return func(req *http.Request) (*url.URL, error) {
		proxy, err := choose(req)
		if proxy != nil && opts.Proxied != nil {
			opts.Proxied(proxy.Redacted())
		}
		return proxy, err
	}
}

// refusedByProxy returns an error that names the proxy if the proxy refused a connection.
func refusedByProxy(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Redacted(), Status: resp.Status, code: resp.StatusCode}
}

// Call describes one finished request.
type Call struct {
	Method, Path string
	As           string
	// Status is the HTTP status; 0 if Err is set.
	Status   int
	Duration time.Duration
	Err      error
	// Date is the server's time in the response; zero if the response has none.
	Date time.Time
}

// observed reports each request. It wraps the authentication, so it sees no credential.
type observed struct {
	next    http.RoundTripper
	as      string
	observe func(Call)
}

func (o observed) RoundTrip(req *http.Request) (*http.Response, error) {
	if o.observe == nil {
		return o.next.RoundTrip(req)
	}
	start := time.Now() //nolint:forbidigo // a duration, not a point in time
	resp, err := o.next.RoundTrip(req)
	call := Call{Method: req.Method, Path: req.URL.RequestURI(), As: o.as, Err: err}
	call.Duration = time.Since(start) //nolint:forbidigo // a duration, not a point in time
	if resp != nil {
		call.Status = resp.StatusCode
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			call.Date = date
		}
	}
	o.observe(call)
	return resp, err
}

package kubeclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"
)

// ProxyError means that a proxy does not let a connection through.
type ProxyError struct {
	Proxy  string // its URL, without a password
	Status string // its answer, such as "407 Proxy Authentication Required"
	code   int
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s answers %s", e.Proxy, e.Status)
}

// isFinal says whether asking again would be answered in the same way.
func (e *ProxyError) isFinal() bool { return e.code < http.StatusInternalServerError }

// proxyOf returns what chooses the proxy of a request: that of the configuration,
// or else the environment.
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

// refusedByProxy makes an error of a proxy's answer that names the proxy.
func refusedByProxy(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Redacted(), Status: resp.Status, code: resp.StatusCode}
}

package kubeclient

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	authenticationapi "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	authenticationv1 "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationv1 "k8s.io/client-go/kubernetes/typed/authorization/v1"
	certificatesv1 "k8s.io/client-go/kubernetes/typed/certificates/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	discoveryv1 "k8s.io/client-go/kubernetes/typed/discovery/v1"
	rbacv1 "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"
)

// Client has the typed clients that bootctl uses, over one connection.
type Client struct {
	Core           corev1.CoreV1Interface
	Certificates   certificatesv1.CertificatesV1Interface
	RBAC           rbacv1.RbacV1Interface
	Authentication authenticationv1.AuthenticationV1Interface
	Authorization  authorizationv1.AuthorizationV1Interface
	Discovery      discoveryv1.DiscoveryV1Interface
	// ServerURL is the URL of the API server in the configuration.
	ServerURL string
	// Version returns the version of the API server.
	//
	// Access: get on /version, which everyone has by default.
	Version func(context.Context) (version.Info, error)

	transport *http.Transport
}

// Close closes idle connections. The client stays usable.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// WhoAmI returns the user that the API server authenticates the client as.
//
// Access: create on selfsubjectreviews, which every authenticated user has.
func (c *Client) WhoAmI(ctx context.Context) (authenticationapi.UserInfo, error) {
	review, err := c.Authentication.SelfSubjectReviews().Create(ctx, &authenticationapi.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return authenticationapi.UserInfo{}, fmt.Errorf("get the current user: %w", err)
	}
	return review.Status.UserInfo, nil
}

// Options configure how a client connects, and who observes it. The zero value connects
// as configured in the environment, without a request timeout or an observer.
type Options struct {
	// As describes the user of the client, for Observe.
	As string
	// Observe is called after each request; it may be nil. It receives no header and no
	// body, so it cannot leak a credential.
	Observe func(Call)
	// Warn receives the warnings of the server; nil drops them.
	Warn func(string)
	// Now is the clock for the validity of certificates; nil means the system clock.
	Now func() time.Time
	// Timeout limits each request, unless the configuration has a timeout; 0 means no limit.
	Timeout time.Duration
	// NoProxy connects without a proxy, even if the environment configures one. Proxied
	// is called with the URL of the proxy, without its password, before each connection
	// through a proxy; it may be nil.
	NoProxy bool
	Proxied func(string)
}

// WithDefaults returns the options with the system clock if none is set, and with a
// timeout of 10 seconds if there is none.
func (o Options) WithDefaults() Options {
	o.Now, o.Timeout = ClockOrSystem(o.Now), cmp.Or(o.Timeout, 10*time.Second)
	return o
}

// ClockOrSystem returns now or, if that is nil, the system clock.
func ClockOrSystem(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now //nolint:forbidigo // the caller of the library set no other clock
	}
	return now
}

// New returns a client for config, which is not modified. It does not connect.
func New(config *rest.Config, opts Options) (*Client, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.Timeout = cmp.Or(config.Timeout, opts.Timeout)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.WarningHandlerWithContext = warningHandler{opts.Warn}
	transport, err := newTransport(config, opts)
	if err != nil {
		return nil, err
	}
	httpClient, err := newHTTPClient(config, transport, opts)
	if err != nil {
		return nil, err
	}
	c := Client{ServerURL: config.Host, transport: transport}
	var errs [6]error
	c.Core, errs[0] = corev1.NewForConfigAndClient(config, httpClient)
	c.Certificates, errs[1] = certificatesv1.NewForConfigAndClient(config, httpClient)
	c.RBAC, errs[2] = rbacv1.NewForConfigAndClient(config, httpClient)
	c.Authentication, errs[3] = authenticationv1.NewForConfigAndClient(config, httpClient)
	c.Authorization, errs[4] = authorizationv1.NewForConfigAndClient(config, httpClient)
	c.Discovery, errs[5] = discoveryv1.NewForConfigAndClient(config, httpClient)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	c.Version = func(ctx context.Context) (version.Info, error) { return serverVersion(ctx, c.Core.RESTClient()) }
	return &c, nil
}

func serverVersion(ctx context.Context, client rest.Interface) (version.Info, error) {
	var info version.Info
	text, err := client.Get().AbsPath("/version").SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return info, fmt.Errorf("get /version: %w", err)
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return info, fmt.Errorf("%w: /version: %w", ErrNotAPIServer, err)
	}
	return info, nil
}

type warningHandler struct{ warn func(string) }

func (h warningHandler) HandleWarningHeaderWithContext(_ context.Context, code int, _ string, text string) {
	if h.warn != nil && code == 299 && text != "" {
		h.warn(text)
	}
}

package discovery

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Errors of discovery, beside those of pins, documents and signatures.
var (
	// ErrNoTrust means that neither a pin nor a CA certificate was given.
	ErrNoTrust = errors.New("nothing says which CA to trust")
	// ErrUnsigned means that cluster-info has no signature for the token, and
	// that the token could not be tried over a verified connection.
	ErrUnsigned = errors.New("cluster-info is not signed with this token")
	// ErrTokenRejected means that the API server does not know the token, or
	// knows it as expired or not for authentication. A node cannot tell which.
	ErrTokenRejected = errors.New("the API server rejects the token")
	// ErrTokenNotSigned means that the API server accepts the token, but
	// cluster-info has no signature for it: it is not a signing token, or the
	// signer has not seen it yet or does not run.
	ErrTokenNotSigned = errors.New("the API server accepts the token, but nobody has signed cluster-info with it")
	// ErrChanged means that cluster-info read over a verified connection is
	// not what was read before.
	ErrChanged = errors.New("cluster-info differs between an unverified and a verified connection")
)

// Options say what to discover, and what to believe.
type Options struct {
	// Endpoints are asked at once; the first that verifies wins.
	Endpoints []clusterinfo.Endpoint
	Token     token.Token
	Trust
	// Client has the options of the API clients. Its zero value is good: a request then
	// takes at most 10 seconds, and the clock is the system's.
	Client kubeclient.Options
}

// Cluster is a discovered and verified cluster.
type Cluster struct {
	clusterinfo.Document
	// Endpoint is the address that answered.
	Endpoint clusterinfo.Endpoint
	// Roots are the CA certificates to trust: a subset of the document's.
	Roots []*x509.Certificate
	// Others are the errors of endpoints that answered before this one, and
	// not as this cluster does.
	Others EndpointErrors
}

// Validate returns an error that matches clusterinfo.ErrInvalidEndpoint, token.ErrInvalid
// or ErrNoTrust if there is no endpoint, no token or nothing to trust.
func (o Options) Validate() error {
	if len(o.Endpoints) == 0 {
		return &missingError{"no endpoint of an API server is given", clusterinfo.ErrInvalidEndpoint}
	}
	if o.Token.IsZero() {
		return &missingError{"no bootstrap token is given", token.ErrInvalid}
	}
	return o.Trust.Validate()
}

// missingError says what is missing, and matches the error about an invalid one.
type missingError struct {
	text  string
	match error
}

func (e *missingError) Error() string { return e.text }

func (e *missingError) Unwrap() error { return e.match }

// Discover makes one attempt to discover and verify the cluster behind the
// endpoints, as a node with a token does: it reads cluster-info without
// verifying the connection, checks the signature, keeps the pinned CA
// certificates, and reads it again over a connection that they verify. The
// token is sent only over such a connection, and only when its signature is
// missing. Several endpoints are asked at once, and the first that verifies
// wins.
//
// It returns an error that matches one of this package's, or one of the
// connection; see [Transient]. Of several endpoints it is an [EndpointErrors].
//
// Access: none; system:anonymous gets the configmap cluster-info in kube-public.
// Source: kubeadm design, "Discovery cluster-info".
func Discover(ctx context.Context, opts Options) (Cluster, error) {
	if err := opts.Validate(); err != nil {
		return Cluster{}, err
	}
	if len(opts.Endpoints) == 1 {
		return explained(ctx, opts.Endpoints[0], opts, Options.verified)
	}
	return opts.race(ctx)
}

// Transient reports whether a later attempt may succeed without a correction of the
// options: a server did not answer, or a signature is still missing.
func Transient(err error) bool {
	if several, ok := errors.AsType[EndpointErrors](err); ok {
		return slices.ContainsFunc(several, Transient)
	}
	return errors.Is(err, ErrUnsigned) || errors.Is(err, ErrTokenNotSigned) || errors.Is(err, clusterinfo.ErrNotFound) ||
		kubeclient.IsTransient(err)
}

// explained asks the endpoint, and explains an error that comes of the clocks.
func explained[T any](
	ctx context.Context, endpoint clusterinfo.Endpoint, opts Options, ask func(Options, context.Context, clusterinfo.Endpoint) (T, error),
) (T, error) {
	clock := Clock{Now: opts.Client.Now}
	opts.Client = clock.Watch(opts.Client.WithDefaults())
	answer, err := ask(opts, ctx, endpoint)
	return answer, clock.Explain(err)
}

// verified does the steps in their order.
func (o Options) verified(ctx context.Context, endpoint clusterinfo.Endpoint) (Cluster, error) {
	seen, err := FetchAnonymous(ctx, endpoint, nil, o.Client)
	if err != nil {
		return Cluster{}, err
	}
	document, roots, err := o.Check(seen, o.Token, o.Client.Now())
	isSigned := !errors.Is(err, ErrUnsigned)
	if err != nil && (isSigned || o.trustsAnyCA()) {
		return Cluster{}, err
	}
	again, err := FetchAnonymous(ctx, endpoint, roots, o.Client)
	if err != nil {
		return Cluster{}, err
	}
	if !bytes.Equal(seen.Raw, again.Raw) {
		return Cluster{}, ErrChanged
	}
	if !isSigned {
		return Cluster{}, unsigned(seen, o.Token, o.tryToken(ctx, endpoint, roots))
	}
	return Cluster{Document: document, Endpoint: endpoint, Roots: roots}, nil
}

// FetchAnonymous reads cluster-info at the endpoint without credentials, over a
// connection that roots verify, or that nothing verifies when roots is nil. It
// returns an error that matches ErrAnonymous where that is refused, with the API
// server's own, ErrNotFound or kubeclient.ErrNotAPIServer, or one of the connection.
//
// Access: none; system:anonymous gets the configmap cluster-info in kube-public.
func FetchAnonymous(ctx context.Context, endpoint clusterinfo.Endpoint, roots []*x509.Certificate, opts kubeclient.Options) (clusterinfo.Info, error) {
	info, err := fetch(ctx, endpoint, roots, token.Token{}, opts)
	if apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
		return clusterinfo.Info{}, fmt.Errorf("%s: %w: %w", endpoint, clusterinfo.ErrAnonymous, err)
	}
	if isUnexpectedResponse(err) {
		return clusterinfo.Info{}, fmt.Errorf("%s: %w: %w", endpoint, kubeclient.ErrNotAPIServer, err)
	}
	return info, err
}

// fetch reads cluster-info as newClient's client, which a later attempt does not use.
func fetch(ctx context.Context, endpoint clusterinfo.Endpoint, roots []*x509.Certificate, tok token.Token, opts kubeclient.Options) (clusterinfo.Info, error) {
	client, err := newClient(endpoint, roots, tok, opts)
	if err != nil {
		return clusterinfo.Info{}, err
	}
	defer client.Close()
	return clusterinfo.Fetch(ctx, client.Core)
}

// isUnexpectedResponse reports whether an answer came that is none of an API server.
func isUnexpectedResponse(err error) bool {
	var status apierrors.APIStatus
	return err != nil && !errors.As(err, &status) && !kubeclient.IsUnreachable(err) && !kubeclient.IsUntrusted(err) &&
		!errors.Is(err, kubeclient.ErrNotAPIServer) && !errors.Is(err, kubeclient.ErrRedirect) && !errors.Is(err, kubeclient.ErrTooLarge) && !errors.Is(err, clusterinfo.ErrNotFound) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// tryToken asks with the token as credential, which tells whether it is one.
func (o Options) tryToken(ctx context.Context, endpoint clusterinfo.Endpoint, roots []*x509.Certificate) error {
	_, err := fetch(ctx, endpoint, roots, o.Token, o.Client)
	switch {
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("token %s: %w: %w", o.Token.ID(), ErrTokenRejected, err)
	case err == nil || apierrors.IsForbidden(err):
		return ErrTokenNotSigned
	}
	return err
}

func newClient(endpoint clusterinfo.Endpoint, roots []*x509.Certificate, tok token.Token, opts kubeclient.Options) (*kubeclient.Client, error) {
	opts = opts.WithDefaults()
	config := &rest.Config{Host: endpoint.URL(), TLSClientConfig: rest.TLSClientConfig{Insecure: roots == nil, CAData: certpem.Encode(roots...)}}
	switch {
	case roots == nil:
		opts.As = "anonymous, connection not verified"
	case tok.IsZero():
		opts.As = "anonymous"
	default:
		opts.As = "token " + tok.ID()
		config.BearerToken = tok.Reveal()
	}
	return kubeclient.New(config, opts)
}

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

// Errors of discovery, in addition to the errors for pins, documents and signatures.
var (
	// ErrNoTrust means that neither a pin nor a CA certificate was specified.
	ErrNoTrust = errors.New("no CA to trust is specified")
	// ErrUnsigned means that cluster-info has no signature for the token, and
	// that the token could not be tried over a verified connection.
	ErrUnsigned = errors.New("cluster-info is not signed with this token")
	// ErrTokenRejected means that the token does not exist, has expired or lacks the
	// usage authentication. A node cannot distinguish these cases.
	ErrTokenRejected = errors.New("the API server rejects the token")
	// ErrTokenNotSigned means that the API server accepts the token, but cluster-info
	// has no signature for it: the token lacks the usage signing, or the bootstrap
	// signer has not processed it yet or is not running.
	ErrTokenNotSigned = errors.New("the API server accepts the token, but cluster-info has no signature for it")
	// ErrChanged means that cluster-info read over a verified connection differs from
	// what was read over the unverified connection.
	ErrChanged = errors.New("cluster-info differs between an unverified and a verified connection")
)

// Options specify the cluster to discover and the CA certificates to trust.
type Options struct {
	// Endpoints are tried concurrently; the first that verifies wins.
	Endpoints []clusterinfo.Endpoint
	Token     token.Token
	Trust
	// Client has the options of the API clients. With its zero value, requests time out
	// after 10 seconds and the clock is the system clock.
	Client kubeclient.Options
}

// Cluster is a discovered and verified cluster.
type Cluster struct {
	clusterinfo.Document
	// Endpoint is the address that responded.
	Endpoint clusterinfo.Endpoint
	// Roots are the CA certificates to trust: a subset of the document's.
	Roots []*x509.Certificate
	// Others are the errors of endpoints that responded before this one with something
	// other than this cluster.
	Others EndpointErrors
}

// Validate returns an error that matches clusterinfo.ErrInvalidEndpoint, token.ErrInvalid
// or ErrNoTrust if no endpoint, no token or no CA to trust is specified.
func (o Options) Validate() error {
	if len(o.Endpoints) == 0 {
		return &missingError{"no API server endpoint is specified", clusterinfo.ErrInvalidEndpoint}
	}
	if o.Token.IsZero() {
		return &missingError{"no bootstrap token is specified", token.ErrInvalid}
	}
	return o.Trust.Validate()
}

// missingError reports a missing value, and matches the error for an invalid one.
type missingError struct {
	text  string
	match error
}

func (e *missingError) Error() string { return e.text }

func (e *missingError) Unwrap() error { return e.match }

// Discover makes one attempt to discover and verify the cluster at the endpoints, as a
// node with a token does: it reads cluster-info over an unverified connection, checks
// the signature, keeps the pinned CA certificates, and reads cluster-info again over a
// connection that they verify. It sends the token only over such a connection, and only
// if the token's signature is missing. It tries several endpoints concurrently, and the
// first that verifies wins.
//
// It returns an error that matches an error of this package or of the connection; see
// [Transient]. For several endpoints, the error is an [EndpointErrors].
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

// Transient reports whether a later attempt with the same options may succeed: a server
// did not respond, or a signature is still missing.
func Transient(err error) bool {
	if several, ok := errors.AsType[EndpointErrors](err); ok {
		return slices.ContainsFunc(several, Transient)
	}
	return errors.Is(err, ErrUnsigned) || errors.Is(err, ErrTokenNotSigned) || errors.Is(err, clusterinfo.ErrNotFound) ||
		kubeclient.IsTransient(err)
}

// explained calls ask for the endpoint, and explains an error caused by the clocks.
func explained[T any](
	ctx context.Context, endpoint clusterinfo.Endpoint, opts Options, ask func(Options, context.Context, clusterinfo.Endpoint) (T, error),
) (T, error) {
	clock := Clock{Now: opts.Client.Now}
	opts.Client = clock.Watch(opts.Client.WithDefaults())
	answer, err := ask(opts, ctx, endpoint)
	return answer, clock.Explain(err)
}

// verified performs the steps of Discover for one endpoint.
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
// connection that is verified with roots, or unverified if roots is nil. It returns an
// error that matches ErrAnonymous if that is not allowed, with the API server's own
// error, ErrNotFound, kubeclient.ErrNotAPIServer, or an error of the connection.
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

// fetch reads cluster-info with a new client that later attempts do not use.
func fetch(ctx context.Context, endpoint clusterinfo.Endpoint, roots []*x509.Certificate, tok token.Token, opts kubeclient.Options) (clusterinfo.Info, error) {
	client, err := newClient(endpoint, roots, tok, opts)
	if err != nil {
		return clusterinfo.Info{}, err
	}
	defer client.Close()
	return clusterinfo.Fetch(ctx, client.Core)
}

// isUnexpectedResponse reports whether a response did not come from an API server.
func isUnexpectedResponse(err error) bool {
	var status apierrors.APIStatus
	return err != nil && !errors.As(err, &status) && !kubeclient.IsUnreachable(err) && !kubeclient.IsUntrusted(err) &&
		!errors.Is(err, kubeclient.ErrNotAPIServer) && !errors.Is(err, kubeclient.ErrRedirect) && !errors.Is(err, kubeclient.ErrTooLarge) && !errors.Is(err, clusterinfo.ErrNotFound) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// tryToken sends a request with the token, to find out whether the API server accepts it.
func (o Options) tryToken(ctx context.Context, endpoint clusterinfo.Endpoint, roots []*x509.Certificate) error {
	_, err := fetch(ctx, endpoint, roots, o.Token, o.Client)
	switch {
	case apierrors.IsUnauthorized(err):
		return &token.IDError{ID: o.Token.ID(), Err: fmt.Errorf("%w: %w", ErrTokenRejected, err)}
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

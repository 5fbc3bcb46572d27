package discovery

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

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
	// ErrNotAPIServer means that the answer is none of an API server.
	ErrNotAPIServer = kubeclient.ErrNotAPIServer
	// ErrChanged means that cluster-info read over a verified connection is
	// not what was read before.
	ErrChanged = errors.New("cluster-info differs between an unverified and a verified connection")
)

// Options say what to discover, and what to believe.
type Options struct {
	// Endpoints are asked at once; the first that verifies wins.
	Endpoints []clusterinfo.Endpoint
	Token     token.Token
	// Pins and CAs name the keys that may be trusted; where both are given, a
	// key must be among both.
	Pins []clusterinfo.Pin
	CAs  []*x509.Certificate
	// SkipCAVerification trusts every CA of a document with a good signature:
	// whoever knows the token can then pose as the cluster. Pins and CAs that
	// are given count all the same.
	SkipCAVerification bool
	// Timeout bounds each request; see RequestTimeout.
	Timeout time.Duration
	// Client is passed on to the API clients. Client.Now must be set.
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

// Validate returns ErrNoTrust when nothing says what to believe, and an error
// that matches ErrInvalidEndpoint or token.ErrInvalid when there is no endpoint
// or no token.
func (o Options) Validate() error {
	if len(o.Endpoints) == 0 {
		return fmt.Errorf("no endpoint is given: %w", clusterinfo.ErrInvalidEndpoint)
	}
	if o.Token.IsZero() {
		return fmt.Errorf("no token is given: %w", token.ErrInvalid)
	}
	if len(o.Pins) == 0 && len(o.CAs) == 0 && !o.SkipCAVerification {
		return ErrNoTrust
	}
	return nil
}

// RequestTimeout returns how long a request may take: Timeout, or 10 seconds
// where that is 0.
func (o Options) RequestTimeout() time.Duration { return cmp.Or(o.Timeout, 10*time.Second) }

// Discover makes one attempt to learn and verify the cluster behind the
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
		return opts.discover(ctx, opts.Endpoints[0])
	}
	return opts.race(ctx)
}

// Transient says whether a later attempt may succeed without anyone correcting
// what was typed: a server did not answer, or a signature is still missing.
func Transient(err error) bool {
	var several EndpointErrors
	if errors.As(err, &several) {
		return slices.ContainsFunc(several, Transient)
	}
	return errors.Is(err, ErrUnsigned) || errors.Is(err, ErrTokenNotSigned) || errors.Is(err, clusterinfo.ErrNotFound) ||
		kubeclient.IsTransient(err)
}

func (o Options) discover(ctx context.Context, endpoint clusterinfo.Endpoint) (Cluster, error) {
	clock := Clock{Now: o.Client.Now}
	o.Client = clock.Watch(o.Client)
	cluster, err := o.verified(ctx, endpoint)
	return cluster, clock.Explain(err)
}

// verified does the steps in their order.
func (o Options) verified(ctx context.Context, endpoint clusterinfo.Endpoint) (Cluster, error) {
	seen, err := o.FetchAnonymous(ctx, endpoint, nil)
	if err != nil {
		return Cluster{}, err
	}
	document, roots, err := o.Check(seen)
	isSigned := !errors.Is(err, ErrUnsigned)
	if err != nil && (isSigned || o.trustsAnyCA()) {
		return Cluster{}, err
	}
	again, err := o.FetchAnonymous(ctx, endpoint, roots)
	if err != nil {
		return Cluster{}, err
	}
	if !bytes.Equal(seen.Raw, again.Raw) {
		return Cluster{}, ErrChanged
	}
	if !isSigned {
		return Cluster{}, o.unsigned(seen, o.tryToken(ctx, endpoint, roots))
	}
	return Cluster{Document: document, Endpoint: endpoint, Roots: roots}, nil
}

// Check verifies cluster-info by itself, without any connection: its document,
// which CA certificates of it may be trusted, and the signature of the token. An
// error that matches ErrUnsigned comes with the other results, since a
// connection that the roots verify can tell more.
func (o Options) Check(info clusterinfo.Info) (clusterinfo.Document, []*x509.Certificate, error) {
	document, err := clusterinfo.ParseDocument(info.Raw)
	if err != nil {
		return clusterinfo.Document{}, nil, err
	}
	roots, err := o.Trusted(document.CAs)
	if err != nil {
		return clusterinfo.Document{}, nil, err
	}
	signature, isSigned := info.Signatures[o.Token.ID()]
	if !isSigned {
		return document, roots, o.unsigned(info, ErrUnsigned)
	}
	if err := clusterinfo.Verify(info.Raw, signature, o.Token); err != nil {
		return clusterinfo.Document{}, nil, err
	}
	return document, roots, nil
}

// trustsAnyCA says whether nothing but the signature makes a CA trusted.
func (o Options) trustsAnyCA() bool {
	return o.SkipCAVerification && len(o.Pins) == 0 && len(o.CAs) == 0
}

// Trusted returns the CA certificates of the bundle that may be trusted.
func (o Options) Trusted(bundle []*x509.Certificate) ([]*x509.Certificate, error) {
	if o.trustsAnyCA() {
		return clusterinfo.Trusted(bundle, clusterinfo.Pins(bundle), o.Client.Now())
	}
	pins := o.Pins
	if len(o.CAs) > 0 {
		pins = clusterinfo.Pins(o.CAs)
	}
	roots, err := clusterinfo.Trusted(bundle, pins, o.Client.Now())
	if err != nil || len(o.CAs) == 0 || len(o.Pins) == 0 {
		return roots, err
	}
	return clusterinfo.Trusted(roots, o.Pins, o.Client.Now())
}

// unsigned says what is known of a missing signature.
func (o Options) unsigned(seen clusterinfo.Info, err error) error {
	if !errors.Is(err, ErrUnsigned) && !errors.Is(err, ErrTokenNotSigned) {
		return err
	}
	switch n := len(seen.Signatures); n {
	case 0:
		return fmt.Errorf("token %s: %w; it has no signature at all: the bootstrap signer may not be running", o.Token.ID(), err)
	case 1:
		return fmt.Errorf("token %s: %w; it has the signature of 1 other token", o.Token.ID(), err)
	default:
		return fmt.Errorf("token %s: %w; it has the signatures of %d other tokens", o.Token.ID(), err, n)
	}
}

// FetchAnonymous reads cluster-info at the endpoint without credentials, over a
// connection that roots verify, or that nothing verifies when roots is nil. It
// returns an error that matches ErrAnonymous where that is refused, with the API
// server's own, ErrNotFound or ErrNotAPIServer, or one of the connection.
//
// Access: none; system:anonymous gets the configmap cluster-info in kube-public.
func (o Options) FetchAnonymous(ctx context.Context, endpoint clusterinfo.Endpoint, roots []*x509.Certificate) (clusterinfo.Info, error) {
	client, err := o.client(endpoint, roots, token.Token{})
	if err != nil {
		return clusterinfo.Info{}, err
	}
	defer client.Close() // a later attempt makes a client of its own
	info, err := clusterinfo.Fetch(ctx, client.Core)
	if apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
		return clusterinfo.Info{}, fmt.Errorf("%s: %w: %w", endpoint, clusterinfo.ErrAnonymous, err)
	}
	if isUnexpectedResponse(err) {
		return clusterinfo.Info{}, fmt.Errorf("%s: %w: %w", endpoint, ErrNotAPIServer, err)
	}
	return info, err
}

// isUnexpectedResponse says whether an answer came that is none of an API server.
func isUnexpectedResponse(err error) bool {
	var status apierrors.APIStatus
	return err != nil && !errors.As(err, &status) && !kubeclient.IsUnreachable(err) && !kubeclient.IsUntrusted(err) &&
		!errors.Is(err, ErrNotAPIServer) && !errors.Is(err, kubeclient.ErrRedirect) && !errors.Is(err, kubeclient.ErrTooLarge) && !errors.Is(err, clusterinfo.ErrNotFound) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// tryToken asks with the token as credential, which tells whether it is one.
func (o Options) tryToken(ctx context.Context, endpoint clusterinfo.Endpoint, roots []*x509.Certificate) error {
	client, err := o.client(endpoint, roots, o.Token)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = clusterinfo.Fetch(ctx, client.Core)
	switch {
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("token %s: %w: %w", o.Token.ID(), ErrTokenRejected, err)
	case err == nil || apierrors.IsForbidden(err):
		return ErrTokenNotSigned
	}
	return err
}

func (o Options) client(endpoint clusterinfo.Endpoint, roots []*x509.Certificate, tok token.Token) (*kubeclient.Client, error) {
	opts := o.Client
	config := &rest.Config{Host: endpoint.URL(), Timeout: o.RequestTimeout()}
	switch {
	case roots == nil:
		opts.As = "anonymous, connection not verified"
		config.Insecure = true
	case tok.IsZero():
		opts.As = "anonymous"
		config.CAData = certpem.Encode(roots...)
	default:
		opts.As = "token " + tok.ID()
		config.CAData = certpem.Encode(roots...)
		config.BearerToken = tok.Reveal()
	}
	return kubeclient.New(config, opts)
}

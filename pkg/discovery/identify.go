package discovery

import (
	"context"
	"crypto/x509"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Identity is the user that the API server authenticates a token as.
type Identity struct {
	// Endpoint is the address that responded.
	Endpoint clusterinfo.Endpoint
	Username string
	Groups   []string
}

// Identify asks the API server at the first endpoint for the user of the token, over a
// connection that is verified with the pinned or specified CA certificates. If CAs are
// specified, this is the only request; with only pins, the certificates come from
// cluster-info and its signature is not checked; without both, it is checked.
//
// It returns an error that matches ErrTokenRejected if the token is not accepted, an
// error of Discover, or an error of the connection.
//
// Access: create on selfsubjectreviews, which every authenticated user has.
func Identify(ctx context.Context, opts Options) (Identity, error) {
	if err := opts.Validate(); err != nil {
		return Identity{}, err
	}
	return explained(ctx, opts.Endpoints[0], opts, Options.identify)
}

func (o Options) identify(ctx context.Context, endpoint clusterinfo.Endpoint) (Identity, error) {
	roots, err := o.roots(ctx, endpoint)
	if err != nil {
		return Identity{}, err
	}
	client, err := newClient(endpoint, roots, o.Token, o.Client)
	if err != nil {
		return Identity{}, err
	}
	defer client.Close()
	user, err := client.WhoAmI(ctx)
	switch {
	case apierrors.IsUnauthorized(err):
		return Identity{}, &token.IDError{ID: o.Token.ID(), Err: fmt.Errorf("%w: %w", ErrTokenRejected, err)}
	case isUnexpectedResponse(err):
		return Identity{}, fmt.Errorf("%s: %w: %w", endpoint, kubeclient.ErrNotAPIServer, err)
	case err != nil:
		return Identity{}, fmt.Errorf("%s: %w", endpoint, err)
	}
	return Identity{endpoint, user.Username, user.Groups}, nil
}

// roots returns the CA certificates to verify the connection with.
func (o Options) roots(ctx context.Context, endpoint clusterinfo.Endpoint) ([]*x509.Certificate, error) {
	if len(o.CAs) > 0 {
		return o.Trusted(o.CAs, o.Client.Now())
	}
	seen, err := FetchAnonymous(ctx, endpoint, nil, o.Client)
	if err != nil {
		return nil, err
	}
	if o.trustsAnyCA() { // then only the signature makes them trusted
		_, roots, err := o.Check(seen, o.Token, o.Client.Now())
		return roots, err
	}
	document, err := clusterinfo.ParseDocument(seen.Raw)
	if err != nil {
		return nil, err
	}
	return o.Trusted(document.CAs, o.Client.Now())
}

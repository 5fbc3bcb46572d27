package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// server checks that the API server can be reached and accepts the credentials.
func (c Cluster) server(ctx context.Context) ([]Finding, error) {
	version, err := c.Client.Version(ctx)
	if err == nil {
		return ok("%s at %s", version.GitVersion, c.Address), nil
	}
	message := fmt.Sprintf("%s: %s", c.Address, kubeclient.Message(err))
	if apierrors.IsForbidden(err) { // so the API server has authenticated the caller
		return []Finding{forbidden(message)}, nil
	}
	return one(FAIL, diagnoseAdmin(err).Reason, message, diagnoseAdmin(err).Fix), nil
}

// skew compares this machine's clock with the API server's.
func skew(clock *discovery.Clock) []Finding {
	behind := clock.Behind()
	message := fmt.Sprintf("this machine's clock is %s the API server's", discovery.Skew(behind))
	switch {
	case behind == 0:
		return ok("this machine's clock is within a minute of the API server's")
	case behind.Abs() >= discovery.HarmfulSkew:
		return one(FAIL, ClockSkew, message, fixes[ClockSkew])
	}
	return one(WARN, ClockSkew, message, fixes[ClockSkew])
}

// tries is how many tokens are tried: one may just have been deleted.
const tries = 2

// tokenAuthentication tries tokens of the cluster, if the administrator's own CA
// verifies the connection.
func (c *clusterChecker) tokenAuthentication(ctx context.Context, tokens []token.Info) []Finding {
	tokens = slices.DeleteFunc(slices.Clone(tokens), func(t token.Info) bool { return t.IsProxy() || !t.Authenticates(c.now()) })
	switch {
	case len(tokens) == 0:
		return skip("no valid token exists; use --probe to test with a temporary token")
	case c.Server == "" || len(c.CAs) == 0:
		return skip("no CA in the kubeconfig verifies the connection, so no token was sent")
	}
	// The API server may not have noticed the newest tokens yet.
	slices.SortFunc(tokens, func(a, b token.Info) int { return a.Created.Compare(b.Created) })
	opts := discovery.Options{Endpoints: []clusterinfo.Endpoint{c.Server}, Trust: discovery.Trust{CAs: c.CAs}, Client: c.NodeClient}
	var refused error
	for _, tok := range tokens[:min(tries, len(tokens))] {
		opts.Token = tok.Token
		identity, err := discovery.Identify(ctx, opts)
		switch {
		case errors.Is(err, discovery.ErrTokenRejected):
			refused = err
		case apierrors.IsForbidden(err):
			return ok("token %s is accepted", tok.ID)
		case err != nil:
			return skip("%s", kubeclient.Message(err))
		default:
			return ok("token %s is accepted as %s", tok.ID, identity.Username)
		}
	}
	return one(FAIL, TokenAuthenticationOff, refused.Error(), bootstrapAuth)
}

// anonymous reads cluster-info as a node does. The connection need not be verified:
// nothing secret is sent over it, and nothing read from it is trusted.
func (c *clusterChecker) anonymous(ctx context.Context) ([]Finding, error) {
	at := c.Server
	if at == "" {
		document, err := c.document()
		if err != nil {
			return nil, err
		}
		at = document.Server
	}
	_, err := discovery.FetchAnonymous(ctx, at, nil, c.NodeClient)
	switch {
	case err == nil:
		return ok("cluster-info can be read without credentials"), nil
	case errors.Is(err, clusterinfo.ErrNotFound):
		return ok("requests without credentials have permission to read cluster-info"), nil
	case apierrors.IsUnauthorized(err):
		return one(FAIL, AnonymousDisabled, err.Error(), fixes[AnonymousDisabled]), nil
	case apierrors.IsForbidden(err):
		return c.anonymousForbidden(ctx, err)
	case kubeclient.IsServerError(err):
		return nil, err
	}
	return skip("%s", kubeclient.Message(err)), nil
}

func (c *clusterChecker) anonymousForbidden(ctx context.Context, refusal error) ([]Finding, error) {
	readers := slices.DeleteFunc(slices.Clone(c.objects), func(o setup.Object) bool { return o.Namespace == "" })
	states, err := setup.Inspect(ctx, c.Client.RBAC, readers)
	lacking := slices.ContainsFunc(states, func(s setup.State) bool { return !s.Exists || len(s.Missing) > 0 })
	if err == nil && !lacking {
		return one(FAIL, AnonymousForbidden, refusal.Error()+"; the Role and the RoleBinding that allow it are correct",
			"add RBAC to the API server's --authorization-mode, or correct its --authorization-config"), nil
	}
	return one(FAIL, AnonymousForbidden, refusal.Error(), c.setupCommand(states)), nil
}

// clusterInfo checks that cluster-info exists and that nodes can read its document.
func (c *clusterChecker) clusterInfo(context.Context) ([]Finding, error) {
	document, err := c.document()
	address, note := c.address()
	switch {
	case errors.Is(err, clusterinfo.ErrNotFound):
		return one(FAIL, ClusterInfoNotFound, err.Error()+note, c.setupCommand(nil)), nil
	case errors.Is(err, clusterinfo.ErrDocument):
		return one(FAIL, DocumentInvalid, err.Error()+note, "bootctl cluster-info publish --endpoint "+address), nil
	case err != nil:
		return nil, err
	}
	return ok("cluster-info names the server %s and %s", document.Server.URL(), escape.Count(len(document.CAs), "CA certificate")), nil
}

// endpoint connects to the advertised address and verifies it as a node would.
func (c *clusterChecker) endpoint(ctx context.Context, document clusterinfo.Document, own clusterinfo.Info) []Finding {
	at := document.Server
	address, note := c.address()
	publish := "bootctl cluster-info publish --endpoint " + address
	if at.IsLoopback() && !c.Server.IsLoopback() {
		return one(WARN, EndpointLoopback, "cluster-info names the loopback address "+at.URL()+", so each node would contact itself"+note, publish)
	}
	roots, err := clusterinfo.Trusted(document.CAs, clusterinfo.Pins(document.CAs), c.Clock.Now())
	if err != nil {
		return one(FAIL, diagnose(err).Reason, at.URL()+": "+kubeclient.Message(err)+note, publish)
	}
	info, err := discovery.FetchAnonymous(ctx, at, roots, c.NodeClient)
	switch {
	case errors.Is(err, clusterinfo.ErrAnonymous): // another check reports it
		return ok("the API server at %s has a certificate from a CA in cluster-info", at.URL())
	case kubeclient.IsUntrusted(err):
		if _, misnamed := errors.AsType[x509.HostnameError](err); misnamed {
			publish += "; or renew the API server's certificate with this name in it"
		}
		return one(FAIL, CertificateUntrusted, at.URL()+": "+kubeclient.Message(err)+note, publish)
	case errors.Is(err, clusterinfo.ErrNotFound), err == nil && info.UID != own.UID: // their contents may be the same
		return one(FAIL, PinMismatch, at.URL()+" belongs to a different cluster than "+c.Address+": its cluster-info has another UID"+note, publish)
	case ctx.Err() != nil:
		return []Finding{checkError(ctx, err)}
	case err != nil:
		return one(FAIL, diagnose(err).Reason, "from this machine: "+at.URL()+": "+kubeclient.Message(err)+note, publish)
	}
	return ok("the API server at %s returns the same cluster-info and has a certificate from a CA in it", at.URL())
}

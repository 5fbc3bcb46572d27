package doctor

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
)

// Node checks a cluster as a node sees it, with only what a node has.
type Node struct {
	// Discovery has the one endpoint, and pins, CA certificates and a token if they
	// are known. Without pins and CA certificates nothing is verified and only
	// anonymous requests are sent, unless SkipVerification makes the token's
	// signature enough.
	Discovery discovery.Options
}

// Run requests cluster-info from the endpoint without credentials and reports what a
// node would encounter. A token is sent only over a connection that the pinned CA
// verifies, to check that it is accepted. Checks that an earlier failure makes impossible
// are omitted.
//
// Access: none; system:anonymous gets the configmap cluster-info in kube-public, and a
// token creates selfsubjectreviews, as every authenticated user may.
func (n Node) Run(ctx context.Context) []Finding {
	c := &nodeChecker{Options: n.Discovery, endpoint: n.Discovery.Endpoints[0]}
	c.watch = &discovery.Clock{Now: c.Client.Now}
	c.Client = c.watch.Watch(c.Client.WithDefaults())
	return dropRepeated(inOrder(ctx, c.checks(), nil))
}

// nodeChecker checks one endpoint. It has what the earlier checks found.
type nodeChecker struct {
	discovery.Options
	endpoint clusterinfo.Endpoint
	watch    *discovery.Clock
	// seen is cluster-info over an unverified connection; seenErr is set if the API
	// server refuses to return it.
	seen    clusterinfo.Info
	seenErr error
	// document is what cluster-info contains. If it has no valid document, its CAs are
	// the given CAs.
	document clusterinfo.Document
	roots    []*x509.Certificate // the CAs in document that may be trusted
	rejected bool                // whether the API server rejected the token
}

const nodeAuthentication = "token-authentication"

func (c *nodeChecker) checks() []check {
	checks := []check{
		{name: "endpoint", required: true, run: c.reach},
		{name: "clock", run: func(context.Context) ([]Finding, error) { return skew(c.watch), nil }},
		{name: "anonymous", run: c.anonymous},
		{name: "cluster-info", run: c.clusterInfo},
		{name: "ca", run: c.ca},
		{name: "certificate", run: c.certificate},
		{name: "server", run: c.server},
		{name: nodeAuthentication, run: c.authenticate},
		{name: "signatures", run: c.signatures},
	}
	for i := range checks {
		checks[i].diagnose = func(_ context.Context, err error) Finding { return diagnose(c.watch.Explain(err)) }
	}
	return checks
}

// dropRepeated drops the failed token authentication if an earlier check failed for the
// same reason.
func dropRepeated(findings []Finding) []Finding {
	at := slices.IndexFunc(findings, func(f Finding) bool { return f.Check == nodeAuthentication && f.Status == FAIL })
	if at < 0 || !slices.ContainsFunc(findings[:at], func(f Finding) bool { return f.Status == FAIL && f.Reason == findings[at].Reason }) {
		return findings
	}
	return slices.Delete(findings, at, at+1)
}

// isReached reports whether an API server responded, even with a refusal.
func isReached(err error) bool {
	return err == nil || errors.Is(err, clusterinfo.ErrAnonymous) || errors.Is(err, clusterinfo.ErrNotFound)
}

func (c *nodeChecker) reach(ctx context.Context) ([]Finding, error) {
	c.document.CAs = c.CAs
	c.seen, c.seenErr = discovery.FetchAnonymous(ctx, c.endpoint, nil, c.Client)
	if !isReached(c.seenErr) {
		return nil, c.seenErr
	}
	return ok("an API server responds at %s", c.endpoint), nil
}

func (c *nodeChecker) anonymous(context.Context) ([]Finding, error) {
	if c.seenErr != nil {
		return nil, c.seenErr
	}
	return ok("cluster-info can be read without credentials"), nil
}

func (c *nodeChecker) clusterInfo(context.Context) ([]Finding, error) {
	if c.seenErr != nil {
		return nil, nil
	}
	document, err := clusterinfo.ParseDocument(c.seen.Raw)
	if err != nil {
		return nil, err
	}
	c.document = document
	return ok("cluster-info names the server %s and %s", document.Server, escape.Count(len(document.CAs), "CA certificate")), nil
}

// isTrustGiven reports whether pins or CA certificates were given that identify the
// cluster.
func (c *nodeChecker) isTrustGiven() bool { return len(c.Pins) > 0 || len(c.CAs) > 0 }

func (c *nodeChecker) howVerified() string {
	if c.isTrustGiven() {
		return "matches a pin or CA that you specified"
	}
	return "is known only from cluster-info, which is not verified"
}

// ca checks the CA certificates in cluster-info, or the given ones.
func (c *nodeChecker) ca(context.Context) ([]Finding, error) {
	if len(c.document.CAs) == 0 {
		return nil, nil
	}
	trust := c.Trust
	if !c.isTrustGiven() { // for anonymous requests only
		trust.SkipVerification = true
	}
	roots, err := trust.Trusted(c.document.CAs, c.Client.Now())
	if err != nil {
		return nil, err
	}
	c.roots = roots
	v := checkValidity(roots, c.Client.Now())
	text := fmt.Sprintf("%s %s; %s", strings.Join(clusterinfo.PinTexts(roots), ", "), c.howVerified(), strings.Join(v.details, ", "))
	switch {
	case v.expiresSoon:
		return one(WARN, CAExpiresSoon, text, "renew the cluster's CA, then publish it together with the old one: "+publish), nil
	case !c.isTrustGiven():
		return one(WARN, CARequired, text, fixes[CARequired]), nil
	}
	return ok("%s", text), nil
}

// certificate checks the certificate of the endpoint.
func (c *nodeChecker) certificate(ctx context.Context) ([]Finding, error) {
	if len(c.roots) == 0 {
		return nil, nil
	}
	again, err := discovery.FetchAnonymous(ctx, c.endpoint, c.roots, c.Client)
	switch {
	case !isReached(err):
		return nil, err
	case err == nil && len(c.seen.Raw) > 0 && !bytes.Equal(c.seen.Raw, again.Raw):
		return nil, discovery.ErrChanged
	}
	return ok("the certificate of %s is for this address, and its CA %s", c.endpoint, c.howVerified()), nil
}

// server checks the address that cluster-info gives to nodes, if it is another one.
func (c *nodeChecker) server(ctx context.Context) ([]Finding, error) {
	server := c.document.Server
	switch {
	case len(c.roots) == 0, server == "", server == c.endpoint:
		return nil, nil
	case server.IsLoopback() && !c.endpoint.IsLoopback():
		return one(FAIL, EndpointLoopback, fmt.Sprintf("cluster-info names the loopback address %s, so each node would contact itself", server), publish), nil
	}
	if _, err := discovery.FetchAnonymous(ctx, server, c.roots, c.Client); !isReached(err) {
		return nil, from(server, err)
	}
	return ok("cluster-info names the server %s, and the CA of its certificate %s", server, c.howVerified()), nil
}

// authenticate sends the token, only to a server that the given pins or CAs verify.
func (c *nodeChecker) authenticate(ctx context.Context) ([]Finding, error) {
	if c.Token.IsZero() || !c.isTrustGiven() && !c.SkipVerification {
		return nil, nil
	}
	identity, err := discovery.Identify(ctx, c.Options)
	c.rejected = errors.Is(err, discovery.ErrTokenRejected)
	if err != nil {
		return nil, err
	}
	return ok("the API server accepts token %s as %s in the groups %s", c.Token.ID(), identity.Username, strings.Join(identity.Groups, ", ")), nil
}

// signatures checks the token's signature, or without a token that any signature exists.
func (c *nodeChecker) signatures(context.Context) ([]Finding, error) {
	if c.document.Server == "" {
		return nil, nil
	}
	count := fmt.Sprintf("signatures in cluster-info: %d", len(c.seen.Signatures))
	switch {
	case c.Token.IsZero() && len(c.seen.Signatures) == 0:
		return one(WARN, SignatureMissing, count+", so no node can join with a token", fixes[SignatureMissing]), nil
	case c.Token.IsZero():
		return ok("%s; none was checked, because you specified no token", count), nil
	}
	state := clusterinfo.Check(c.seen, c.Token)
	text := fmt.Sprintf("%s; the signature of token %s is %s", count, c.Token.ID(), state)
	switch {
	case state == clusterinfo.Missing && c.rejected: // so cluster-info is not signed with it
		return one(FAIL, SignatureMissing, text, "see why the API server rejects the token: bootctl token check "+c.Token.ID()), nil
	case state == clusterinfo.Missing:
		return one(FAIL, SignatureMissing, text, fixes[SignatureMissing]), nil
	case state != clusterinfo.Valid:
		return one(FAIL, SignatureInvalid, text, fixes[SignatureInvalid]), nil
	}
	return ok("%s", text), nil
}

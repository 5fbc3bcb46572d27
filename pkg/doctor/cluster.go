package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// Cluster is a cluster to check with an administrator's credentials.
type Cluster struct {
	// Client has the administrator's credentials, and Clock watches it.
	Client *kubeclient.Client
	Clock  *discovery.Clock
	// Address is the URL of the API server that Client uses. Server is the same as an
	// endpoint; empty if the URL is more than a host and a port.
	Address string
	Server  clusterinfo.Endpoint
	// CAs verify the connection of Client. If there are none, because the connection is
	// not verified or is verified by other means, no token is sent.
	CAs []*x509.Certificate
	// Setup describes what nodes should be able to do.
	Setup setup.Options
	// NodeClient has the options for requests made as a node, with no credentials or
	// with a token; see [kubeclient.Options.WithDefaults].
	NodeClient kubeclient.Options
}

// Run checks the cluster and returns the findings, in a fixed order. It changes
// nothing. If the API server cannot be reached or refuses the credentials, that is the
// only finding.
//
// Access: get on the configmaps cluster-info in kube-public and
// extension-apiserver-authentication in kube-system, on roles in kube-public, and on the
// objects of setup and the clusterroles that they bind;
// list on secrets in kube-system, rolebindings, clusterrolebindings and
// certificatesigningrequests; create on subjectaccessreviews. If a permission is
// missing, the findings of the checks that need it are WARN, with the reason Forbidden.
func (c Cluster) Run(ctx context.Context) []Finding {
	server := check{name: "server", run: c.server, diagnose: checkError}.do(ctx)
	if hasFailed(server) {
		return server
	}
	return append(server, atOnce(ctx, newClusterChecker(ctx, c).checks())...)
}

// clusterChecker checks a cluster. It reads each object that several checks need once.
type clusterChecker struct {
	Cluster
	objects   []setup.Object
	info      func() (clusterinfo.Info, error)
	allTokens func() ([]token.Info, error)
	signed    func() (signatureStates, error)
	clientCAs func() ([]*x509.Certificate, error)
	csrStats  func() (*requestStats, error)
}

func newClusterChecker(ctx context.Context, cluster Cluster) *clusterChecker {
	c := &clusterChecker{Cluster: cluster, objects: setup.Objects(cluster.Setup)}
	c.info = sync.OnceValues(func() (clusterinfo.Info, error) { return clusterinfo.Fetch(ctx, c.Client.Core) })
	c.allTokens = sync.OnceValues(func() ([]token.Info, error) {
		// After cluster-info: a token that is created in between then lacks its
		// signature, which is too recent to matter, and no signature seems orphaned.
		_, _ = c.info()
		return token.List(ctx, c.Client.Core)
	})
	c.signed = sync.OnceValues(c.checkSignatures)
	c.clientCAs = sync.OnceValues(func() ([]*x509.Certificate, error) { return clientCAs(ctx, c.Client.Core) })
	c.csrStats = sync.OnceValues(func() (*requestStats, error) { return c.countRequests(ctx) })
	return c
}

// document returns what cluster-info contains.
func (c *clusterChecker) document() (clusterinfo.Document, error) {
	info, err := c.info()
	if err != nil {
		return clusterinfo.Document{}, err
	}
	return clusterinfo.ParseDocument(info.Raw)
}

func (c *clusterChecker) checks() []check {
	checks := []check{
		{name: "clock", run: func(context.Context) ([]Finding, error) { return skew(c.Clock), nil }},
		{name: "token-authentication", run: given(c.allTokens, c.tokenAuthentication)},
		{name: "anonymous", run: c.anonymous},
		{name: "anonymous-grants", run: c.anonymousGrants},
		{name: "token-grants", run: c.tokenGrants},
		{name: "cluster-info", run: c.clusterInfo},
		{name: "endpoint", run: given2(c.document, c.info, c.endpoint)},
		{name: "ca", run: given(c.document, c.ca)},
		{name: "client-ca", run: given(c.clientCAs, c.clientCA)},
		{name: "signing-ca", run: given2(c.clientCAs, c.csrStats, c.signingCA)},
		{name: "signatures", run: given2(c.signed, c.allTokens, c.signatures)},
		{name: "signer", run: given2(c.signed, c.allTokens, c.signer)},
		{name: "tokens", run: given(c.allTokens, c.tokens)},
		{name: "cleaner", run: given(c.allTokens, c.cleaner)},
		{name: "capacity", run: given2(c.info, c.allTokens, c.capacity)},
	}
	for _, o := range c.objects {
		checks = append(checks, check{name: o.String(), run: func(ctx context.Context) ([]Finding, error) { return c.object(ctx, o) }})
	}
	checks = append(checks, check{name: "requests", run: given(c.csrStats, c.requests)})
	for i := range checks {
		checks[i].diagnose = checkError
	}
	return checks
}

// now returns the time of the API server's clock, by which it evaluates tokens and dates
// objects.
func (c Cluster) now() time.Time { return c.Clock.ServerTime() }

// given returns a check of what get returns. An error of get ends the check.
func given[T any](get func() (T, error), evaluate func(context.Context, T) []Finding) runner {
	return func(ctx context.Context) ([]Finding, error) {
		value, err := get()
		if err != nil {
			return nil, err
		}
		return evaluate(ctx, value), nil
	}
}

// given2 returns a check of what getA and getB return. An error of either ends the check.
func given2[A, B any](getA func() (A, error), getB func() (B, error), evaluate func(context.Context, A, B) []Finding) runner {
	return func(ctx context.Context) ([]Finding, error) {
		a, err := getA()
		if err != nil {
			return nil, err
		}
		return given(getB, func(ctx context.Context, b B) []Finding { return evaluate(ctx, a, b) })(ctx)
	}
}

// setupCommand returns the command that repairs the objects.
func (c *clusterChecker) setupCommand(states []setup.State) string {
	command := "bootctl setup" + groupFlag(c.Setup)
	if c.Setup.Approval == setup.AutoApproveNone {
		command += " --auto-approve none"
	}
	if _, err := c.document(); errors.Is(err, clusterinfo.ErrNotFound) || errors.Is(err, clusterinfo.ErrDocument) {
		at, _ := c.address()
		command += " --endpoint " + at // setup cannot keep the existing one
	}
	if slices.ContainsFunc(states, setup.State.Differs) {
		command += " --force"
	}
	return command
}

// groupFlag returns setup's flag for the token group of nodes; empty for the default
// group.
func groupFlag(o setup.Options) string {
	if o.TokenGroup() == token.DefaultGroup {
		return ""
	}
	return " --group " + escape.ShellQuote(o.Group)
}

// address returns where nodes can reach the API server: the administrator's address. If
// that is a tunnel or the same machine, it is a placeholder, and the note explains it.
func (c Cluster) address() (at, note string) {
	if c.Server == "" || c.Server.IsLoopback() {
		return placeholder, " (" + placeholder + " is the address where nodes reach the API server)"
	}
	return c.Server.URL(), ""
}

package doctor

import (
	"context"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// Cluster is a cluster as its administrator sees it.
type Cluster struct {
	// Client has the administrator's credentials, and Clock watches it.
	Client *apiclient.Client
	Clock  *clusterinfo.Clock
	// Address is the URL that Client asks. Server is the same as an endpoint; empty
	// where it is not just a host and a port.
	Address string
	Server  clusterinfo.Endpoint
	// CAs verify the connection of Client; empty where nothing or something else
	// does, and then no token is sent anywhere.
	CAs []*x509.Certificate
	// Setup says what nodes shall be able to do.
	Setup setup.Options
	// Node has the Timeout and the Client options of requests as nodes make them.
	Node clusterinfo.Options
}

// Run examines the cluster and returns what it finds, in a fixed order. It changes
// nothing. Where the API server cannot be asked at all, that is the only finding.
//
// Access: get on the configmaps cluster-info in kube-public and
// extension-apiserver-authentication in kube-system, on roles in kube-public, and on the
// objects of setup and the clusterroles that they bind;
// list on secrets in kube-system, rolebindings, clusterrolebindings and
// certificatesigningrequests; create on subjectaccessreviews. Where one is missing,
// the finding of that check says so.
func (c Cluster) Run(ctx context.Context) []Finding {
	server := named("server", c.server(ctx))
	if server[0].Status == FAIL {
		return server
	}
	e := c.exam(ctx)
	checks := []check{
		{"clock", e.clock},
		{"token-authentication", e.tokenAuthentication},
		{"anonymous", e.anonymous},
		{"anonymous-grants", e.anonymousGrants},
		{"token-grants", e.tokenGrants},
		{"cluster-info", e.clusterInfo},
		{"endpoint", e.endpoint},
		{"ca", e.ca},
		{"client-ca", e.clientCA},
		{"signing-ca", e.signingCA},
		{"signatures", e.signatures},
		{"signer", e.signer},
		{"tokens", e.tokens},
		{"cleaner", e.cleaner},
		{"capacity", e.capacity},
	}
	for _, o := range e.objects {
		checks = append(checks, check{o.String(), func(ctx context.Context) ([]Finding, error) { return e.object(ctx, o) }})
	}
	checks = append(checks, check{"requests", e.requests})
	found := make([][]Finding, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() {
			findings, err := check.run(ctx)
			if err != nil {
				findings = append(findings, unfinished(ctx, err))
			}
			found[i] = named(check.name, findings)
		})
	}
	running.Wait()
	return slices.Concat(server, slices.Concat(found...))
}

// check is one look at the cluster.
type check struct {
	name string
	run  func(context.Context) ([]Finding, error)
}

// exam is an examination: a cluster, and what several checks read of it, which is
// read once.
type exam struct {
	Cluster
	objects   []setup.Object
	info      func() (clusterinfo.Info, error)
	document  func() (clusterinfo.Document, error)
	allTokens func() ([]token.Info, error)
	clientCAs func() ([]*x509.Certificate, error)
	tally     func() (*tally, error)
}

func (c Cluster) exam(ctx context.Context) *exam {
	e := &exam{Cluster: c, objects: setup.Objects(c.Setup)}
	e.info = sync.OnceValues(func() (clusterinfo.Info, error) { return clusterinfo.Fetch(ctx, c.Client.Core) })
	e.document = sync.OnceValues(func() (clusterinfo.Document, error) {
		info, err := e.info()
		if err != nil {
			return clusterinfo.Document{}, err
		}
		return clusterinfo.ParseDocument(info.Raw)
	})
	e.allTokens = sync.OnceValues(func() ([]token.Info, error) {
		// After cluster-info: a token that is made in between then lacks its
		// signature, which is too young to matter, and none seems an orphan.
		_, _ = e.info()
		return token.List(ctx, c.Client.Core)
	})
	e.clientCAs = sync.OnceValues(func() ([]*x509.Certificate, error) { return clusterinfo.ClientCAs(ctx, c.Client.Core) })
	e.tally = sync.OnceValues(func() (*tally, error) { return e.count(ctx) })
	return e
}

// now is the time by the clock of the API server, which judges tokens and dates
// objects by it.
func (e *exam) now() time.Time { return e.Clock.ServerTime() }

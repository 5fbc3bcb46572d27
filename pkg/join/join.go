package join

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Options say who joins what, and where the files go.
type Options struct {
	// NodeName is the name of the node: a lower-case DNS subdomain. It is required to
	// join and has no default. It may be empty where an identity is only checked: any
	// node's identity then counts.
	NodeName string
	// Layout says where the files go: RootFS or OutDir.
	Layout Layout
	// Discovery says which CA certificates to trust and, without a File, where the
	// cluster is and with which token to ask.
	Discovery discovery.Options
	// File says where the cluster is instead, so that nothing is discovered.
	File *File
	// URL is where to fetch the File by https, which a node that has joined already
	// does not need; nil means nowhere.
	URL *url.URL
	// Credential requests the certificate instead of Discovery.Token or the file's
	// credential. The zero value leaves it to these.
	Credential Credential
	// Random is the source of the key; nil means crypto/rand.
	Random io.Reader
	// NewKey makes a new key though one waits for its certificate: the way on
	// when the request for that one was denied or failed.
	NewKey bool
	// Force replaces an identity of another node or cluster, and one that does not
	// verify.
	Force bool
	// DryRun changes nothing, here or in the cluster.
	DryRun bool
	// Observer receives each step before it begins, the CSR once the API server has
	// it, each reason to wait, and how far this machine's clock is behind the server's.
	Observer kubeclient.Observer
}

// Result is the identity that the node has or, in a dry run, would ask for.
type Result struct {
	// AlreadyJoined says that it was there before, and was only checked.
	AlreadyJoined bool
	NodeName      string
	Server        clusterinfo.Endpoint
	// Others are the errors of endpoints that answered not as this cluster.
	Others discovery.EndpointErrors
	Roots  []*x509.Certificate
	// Certificate is nil in a dry run that would join.
	Certificate *x509.Certificate
	// RequestName is the name of the request, empty when AlreadyJoined.
	RequestName string
	// Requested says, in a dry run, that a request of that name is there already.
	Requested bool
	// Repaired are the files of an identity that lacked something and were, or in a
	// dry run would be, put right.
	Repaired []string
	// Username and Groups are what the API server says the identity is.
	Username string
	Groups   []string
}

// Run joins: it discovers and verifies the cluster, requests a certificate, waits for
// it, checks it, writes the files, and asks the API server who the node is now. What may
// pass, such as an endpoint that does not answer or a CSR that is pending, is tried again
// until the deadline of ctx; without a deadline, without end. A node that has joined
// already is only checked, for which neither an endpoint nor a token is needed.
//
// It returns the errors of packages clusterinfo, discovery and csr; [ErrForeign] when the
// files are of another node or cluster and [ErrInvalid] or [ErrRejected] when they
// do not verify; in a dry run without what it takes to join, [ErrNotJoined] or
// [ErrExpired]; at the deadline a *kubeclient.DeadlineError with what was last seen; and
// errors of the file system, before anything is sent where they can be known by then.
//
// Access: what the bootstrap token has through system:node-bootstrapper: create,
// get and watch on certificatesigningrequests.
func Run(ctx context.Context, opts Options) (Result, error) {
	if opts.Layout == (Layout{}) {
		return Result{}, errors.New("Options.Layout does not say where the files of the node go: use RootFS or OutDir")
	}
	opts.Random = cmp.Or(opts.Random, rand.Reader)
	clock := discovery.Clock{Now: opts.Discovery.Client.Now, Observer: opts.Observer}
	opts.Discovery.Client = clock.Watch(opts.Discovery.Client.WithDefaults())
	result, err := (&joiner{opts}).run(ctx)
	return result, clock.Explain(err)
}

// Validate returns what keeps the node from joining, were it not for an identity on
// disk: an error that matches clusterinfo.ErrInvalidEndpoint, discovery.ErrNoTrust or,
// where nobody asks, token.ErrInvalid.
func (o Options) Validate() error {
	switch {
	case o.File == nil && o.URL != nil:
		return nil
	case o.File == nil:
		return o.Discovery.Validate()
	case o.credential().IsZero():
		return fmt.Errorf("the file has no credential, and no token is given: %w", token.ErrInvalid)
	}
	return nil
}

// credential is who asks for the certificate.
func (o Options) credential() Credential {
	switch {
	case !o.Credential.IsZero():
		return o.Credential
	case o.File != nil && !o.File.Credential.IsZero():
		return o.File.Credential
	}
	return TokenCredential(o.Discovery.Token)
}

// trusted returns the certificates of a bundle that may be trusted: by the pins and
// the CA certificates that are given, or by the file; where nothing is, all of a
// bundle that stood here before.
func (o Options) trusted(bundle []*x509.Certificate) ([]*x509.Certificate, error) {
	trust := o.Discovery.Trust
	if o.File != nil && len(trust.CAs) == 0 {
		trust.CAs = o.File.CAs
	}
	if len(trust.Pins) == 0 && len(trust.CAs) == 0 {
		trust.SkipVerification = true
	}
	return trust.Trusted(bundle, o.Discovery.Client.Now())
}

// joiner carries out what its options say.
type joiner struct{ Options }

func (j *joiner) step(name string) { j.Observer.Notify(kubeclient.Event{Step: name}) }

// run checks the places of the files, and holds the lock on the directory with the keys
// meanwhile. Where the node is to join, it makes the directories and clears away what a
// dead join left.
func (j *joiner) run(ctx context.Context) (result Result, err error) {
	missing := j.Validate()
	switch {
	case errors.Is(missing, discovery.ErrNoTrust):
		return Result{}, missing // where an identity stands, it would not count
	case missing == nil || j.NodeName != "":
		if err := csr.ValidateNodeName(j.NodeName); err != nil {
			return Result{}, err
		}
	}
	joins := missing == nil && !j.DryRun
	if err = j.Layout.check(); err == nil && joins {
		err = j.Layout.create()
	}
	if err != nil {
		return Result{}, err
	}
	unlock, err := j.lock(ctx)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if joins {
		if err := j.Layout.removeTempFiles(); err != nil {
			return Result{}, err
		}
	}
	return j.checkOrJoin(ctx, missing)
}

// lock takes the lock on the directory with the keys, where that exists. Another join is
// waited for.
func (j *joiner) lock(ctx context.Context) (unlock func() error, err error) {
	if info, err := os.Stat(j.Layout.pki); j.DryRun || err != nil || !info.IsDir() {
		return func() error { return nil }, nil
	}
	busy := kubeclient.Wait{Transient: func(err error) bool { return errors.Is(err, durable.ErrLocked) }, Observer: j.Observer}
	err = kubeclient.Until(ctx, busy, func(context.Context) error {
		unlock, err = durable.Lock(j.Layout.pki)
		return err
	})
	return unlock, err
}

// checkOrJoin checks the identity on disk, and joins where that is none or is to be
// replaced, unless something is missing for it.
func (j *joiner) checkOrJoin(ctx context.Context, missing error) (Result, error) {
	result, err := j.check(ctx)
	switch {
	case err == nil:
		return result, nil
	case !j.shouldReplace(err), missing != nil && j.DryRun:
		return Result{}, err
	case missing != nil:
		return Result{}, fmt.Errorf("%w; to join: %w", err, missing)
	}
	return j.join(ctx)
}

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
	"slices"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Options are the node, the cluster, and the paths of the files.
type Options struct {
	// NodeName is the name of the node: a lower-case DNS subdomain. It is required to
	// join and has no default. It may be empty if existing node credentials are only
	// checked: then they may be any node's.
	NodeName string
	// Layout has the paths of the files: RootFS or OutDir.
	Layout Layout
	// Discovery has the pins or CA certificates to trust and, without a File, the
	// cluster's endpoints and the token.
	Discovery discovery.Options
	// File has the cluster's address instead, so that nothing is discovered.
	File *File
	// URL is the https URL of the File, which is not fetched if the node has already
	// joined; nil means that there is none.
	URL *url.URL
	// Credential is used to request the certificate instead of Discovery.Token or the
	// file's credential. The zero value means one of these.
	Credential Credential
	// Random is the source of the key; nil means crypto/rand.
	Random io.Reader
	// NewKey generates a new key even if one waits for its certificate: use it if the
	// CSR for that key was denied or failed.
	NewKey bool
	// Force replaces node credentials for another node or cluster, and invalid ones.
	Force bool
	// DryRun changes nothing on this machine or in the cluster.
	DryRun bool
	// Observer receives each step before it begins, the CSR once the API server has
	// it, each reason to wait, and how far this machine's clock is behind the server's.
	Observer kubeclient.Observer
}

// Result describes the node credentials that the node has or, in a dry run, would request.
type Result struct {
	// AlreadyJoined means that they existed before and were only checked.
	AlreadyJoined bool
	NodeName      string
	Server        clusterinfo.Endpoint
	// Unused are the given addresses if the node joined with another one before, which it
	// keeps.
	Unused []clusterinfo.Endpoint
	// Others are the errors of endpoints that did not respond as this cluster.
	Others discovery.EndpointErrors
	Roots  []*x509.Certificate
	// Certificate is nil in a dry run that would join.
	Certificate *x509.Certificate
	// RequestName is the name of the CSR, empty if the node had joined before.
	RequestName string
	// Requested means, in a dry run, that a CSR with that name already exists.
	Requested bool
	// Repaired are the files that were repaired or, in a dry run, would be.
	Repaired []string
	// Username and Groups are the user that the API server authenticates the node as.
	Username string
	Groups   []string
}

// Run joins: it discovers and verifies the cluster, requests a certificate, waits for
// it, checks it, writes the files, and confirms the node's identity with the API server. It
// retries temporary conditions, such as an endpoint that does not respond or a CSR that is
// pending, until the deadline of ctx; without a deadline, forever. A node that has already
// joined is only checked, which needs neither an endpoint nor a token.
//
// It returns the errors of packages clusterinfo, discovery and csr; [ErrForeign] if the
// files belong to another node or cluster, a *[PinMismatchError] if they only do not match
// the pins, and [ErrInvalid] or [ErrRejected] if they do not
// verify; in a dry run without the options to join, [ErrNotJoined] or [ErrExpired]; at the
// deadline a *kubeclient.DeadlineError with the last error; and errors of the file system,
// if possible before anything is sent.
//
// Access: the bootstrap token's permissions from system:node-bootstrapper: create, get and
// watch on certificatesigningrequests.
func Run(ctx context.Context, opts Options) (Result, error) {
	if opts.Layout == (Layout{}) {
		return Result{}, errors.New("Options.Layout is empty: use RootFS or OutDir")
	}
	opts.Random = cmp.Or(opts.Random, rand.Reader)
	clock := discovery.Clock{Now: opts.Discovery.Client.Now, Observer: opts.Observer}
	opts.Discovery.Client = clock.Watch(opts.Discovery.Client.WithDefaults())
	result, err := (&joiner{opts}).run(ctx)
	return result, clock.Explain(err)
}

// Validate returns the reason why a node without existing credentials cannot join: an error
// that matches clusterinfo.ErrInvalidEndpoint, discovery.ErrNoTrust or, without a
// credential, token.ErrInvalid.
func (o Options) Validate() error {
	switch {
	case o.File == nil && o.URL != nil:
		return nil
	case o.File == nil:
		return o.Discovery.Validate()
	case o.credential().IsZero():
		return fmt.Errorf("the file has no credential, and you specified no token: %w", token.ErrInvalid)
	}
	return nil
}

// credential returns the credential that requests the certificate.
func (o Options) credential() Credential {
	switch {
	case !o.Credential.IsZero():
		return o.Credential
	case o.File != nil && !o.File.Credential.IsZero():
		return o.File.Credential
	}
	return TokenCredential(o.Discovery.Token)
}

// others returns the given addresses if the server is none of them.
func (o Options) others(server clusterinfo.Endpoint) []clusterinfo.Endpoint {
	given := o.Discovery.Endpoints
	if o.File != nil {
		given = []clusterinfo.Endpoint{o.File.Server}
	}
	if slices.Contains(given, server) {
		return nil
	}
	return given
}

// pins returns the given pins and the pins of the given CA certificates.
func (o Options) pins() []clusterinfo.Pin {
	pins := slices.Concat(o.Discovery.Pins, clusterinfo.Pins(o.Discovery.CAs))
	if o.File != nil {
		pins = append(pins, clusterinfo.Pins(o.File.CAs)...)
	}
	return pins
}

// trusted returns the certificates of a bundle that may be trusted according to the given
// pins and CA certificates, or the file; without any of these, all of a bundle that was on
// disk before.
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

// joiner joins with its options.
type joiner struct{ Options }

func (j *joiner) step(name string) { j.Observer.Notify(kubeclient.Event{Step: name}) }

// run checks the paths of the files, takes the lock on the directory with the keys, and
// checks or joins. If the node may join, it creates the directories and removes temporary
// files of an interrupted join.
func (j *joiner) run(ctx context.Context) (result Result, err error) {
	missing := j.Validate()
	switch {
	case errors.Is(missing, discovery.ErrNoTrust):
		return Result{}, missing // existing node credentials could not be checked either
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

// lock takes the lock on the directory with the keys, if that exists. It waits for another
// join.
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

// checkOrJoin checks the identity on disk, and joins if there is none or it should be
// replaced, unless missing is the reason why it cannot.
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

package join

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Options say who joins what, and where the files go.
type Options struct {
	// NodeName may be empty where an identity is only checked: it then counts
	// under whatever name it has.
	NodeName string
	Layout   Layout
	// Discovery says which CA certificates to trust and, without a File, where the
	// cluster is and with which token to ask.
	Discovery discovery.Options
	// File says where the cluster is instead, so that nothing is discovered.
	File *File
	// Fetch gets the File where it takes the network, which a node that has joined
	// already does not need; nil means that it does not.
	Fetch func(context.Context) (File, error)
	// Credential asks for the certificate in place of the discovery's token or the
	// file's.
	Credential Credential
	// Random draws the key.
	Random io.Reader
	// NewKey makes a new key though one waits for its certificate: the way on
	// when the request for that one was denied or failed.
	NewKey bool
	// Force replaces an identity of another node or cluster, and one that does not
	// verify.
	Force bool
	// DryRun changes nothing, here or in the cluster.
	DryRun bool
	// Step is told of each step before it begins, Requested of the request once
	// the API server has it, Cause of each reason to wait, and Skewed how far this
	// machine's clock is behind the server's where that is over a minute. They
	// must not be nil.
	Step      func(string)
	Requested func(csr.Request)
	Cause     func(error)
	Skewed    func(behind time.Duration)
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
	// Mended are the files of an identity that lacked something and were, or in a
	// dry run would be, put right.
	Repaired []string
	// Username and Groups are what the API server says the identity is.
	Username string
	Groups   []string
}

// Run joins: it learns and verifies the cluster, asks for a certificate, waits for
// it until the deadline of ctx, checks it, writes the files, and asks the API
// server who it now is. A node that has joined already is only checked, for which
// neither an endpoint nor a token is needed.
//
// It returns the errors of packages clusterinfo and csr; [ErrForeign] when the
// files are of another node or cluster and [ErrInvalid] or [ErrRejected] when they
// do not verify; in a dry run without what it takes to join, [ErrNotJoined] or
// [ErrExpired]; and errors of the file system, before anything is sent where they
// can be known by then.
//
// Access: what the bootstrap token has through system:node-bootstrapper: create,
// get and watch on certificatesigningrequests.
func Run(ctx context.Context, opts Options) (Result, error) {
	clock := discovery.Clock{Now: opts.Discovery.Client.Now, OnSkew: opts.Skewed}
	opts.Discovery.Client = clock.Watch(opts.Discovery.Client)
	result, err := opts.run(ctx)
	return result, clock.Explain(err)
}

func (o Options) run(ctx context.Context) (result Result, err error) {
	missing := o.missing()
	switch {
	case errors.Is(missing, discovery.ErrNoTrust):
		return Result{}, missing // where an identity stands, it would not count
	case missing == nil || o.NodeName != "":
		if err := csr.ValidateNodeName(o.NodeName); err != nil {
			return Result{}, err
		}
	}
	unlock, err := o.prepare(ctx, missing == nil && !o.DryRun)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	found, err := o.existing()
	if err == nil {
		o.Step("checking the identity that is here")
		result, err = o.confirm(ctx, found)
	}
	switch {
	case err == nil:
		return result, nil
	case !o.shouldReplace(err):
		return Result{}, err
	case missing != nil && o.DryRun:
		return Result{}, err
	case missing != nil:
		return Result{}, fmt.Errorf("%w: %w", err, missing)
	}
	if o.Fetch != nil {
		if err := o.fetch(ctx); err != nil {
			return Result{}, err
		}
	}
	if o.DryRun {
		return o.dryRun(ctx)
	}
	return o.join(ctx)
}

// fetch gets the file, which must say who asks where nothing else does.
func (o *Options) fetch(ctx context.Context) error {
	o.Step("fetching the discovery file")
	err := kubeclient.Until(ctx, o.wait(), func(ctx context.Context) error {
		file, err := o.Fetch(ctx)
		o.File = &file
		return err
	})
	if err != nil {
		return err
	}
	o.Fetch = nil
	return o.missing()
}

// missing says what would keep the node from joining, were it not for an identity
// on disk.
func (o Options) missing() error {
	switch {
	case o.Fetch != nil:
		return nil
	case o.File == nil:
		return o.Discovery.Validate()
	case o.credential().IsZero():
		return fmt.Errorf("the file has no credential, and no token is given: %w", token.ErrInvalid)
	}
	return nil
}

func (o Options) credential() Credential {
	switch {
	case !o.Credential.IsZero():
		return o.Credential
	case o.File != nil && !o.File.Credential.IsZero():
		return o.File.Credential
	}
	return TokenCredential(o.Discovery.Token)
}

// prepare checks the places of the files, and takes the lock on the directory with
// the keys, for which another join is waited for. Where the node is to join, it
// makes the directories and clears away what a dead join left.
func (o Options) prepare(ctx context.Context, joins bool) (unlock func() error, err error) {
	free := func() error { return nil }
	if err := o.Layout.check(); err != nil {
		return nil, err
	}
	if joins {
		if err := o.Layout.writable(); err != nil {
			return nil, err
		}
		if err := o.Layout.create(); err != nil {
			return nil, err
		}
	}
	if o.DryRun || !o.Layout.exists() {
		return free, nil
	}
	busy := kubeclient.Wait{Transient: func(err error) bool { return errors.Is(err, durable.ErrLocked) }, Cause: o.Cause}
	err = kubeclient.Until(ctx, busy, func(context.Context) error {
		unlock, err = durable.Lock(o.Layout.pki)
		return err
	})
	if err != nil || !joins {
		return unlock, err
	}
	if err := o.Layout.removeTempFiles(); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

func (o Options) join(ctx context.Context) (Result, error) {
	key, err := o.key()
	if err != nil {
		return Result{}, err
	}
	cluster, err := o.cluster(ctx)
	if err != nil {
		return Result{}, err
	}
	request, text, err := o.certificate(ctx, cluster, key)
	if err != nil {
		return Result{}, err
	}
	expected := csr.ExpectNode(o.NodeName)
	expected.PublicKey, expected.Roots, expected.Now = key.Public(), cluster.Roots, o.Discovery.Client.Now()
	cert, err := csr.CheckCertificate(text, expected)
	if err != nil {
		return Result{}, err
	}
	o.Step("writing the files")
	id := identity{server: cluster.Server, roots: cluster.Roots, chain: text, leaf: cert, key: key}
	if err := o.write(id); err != nil {
		return Result{}, err
	}
	result := Result{NodeName: o.NodeName, Server: cluster.Server, Others: cluster.Others, Roots: cluster.Roots, Certificate: cert, RequestName: request.Name}
	return o.identify(ctx, result, id)
}

// cluster returns the cluster to join, whose CA file here, if there is one, is its
// own.
func (o Options) cluster(ctx context.Context) (cluster discovery.Cluster, err error) {
	if o.File == nil {
		o.Step("reading and verifying cluster-info")
		cluster, err = o.discover(ctx)
	} else {
		o.Step("taking the cluster from the file")
		cluster.Server, cluster.Endpoint = o.File.Server, o.File.Server
		cluster.Roots, err = o.trusted(o.File.CAs)
	}
	if err != nil {
		return discovery.Cluster{}, err
	}
	return cluster, o.checkCAFile(cluster.Roots)
}

func (o Options) discover(ctx context.Context) (discovery.Cluster, error) {
	var cluster discovery.Cluster
	wait := o.wait()
	wait.Transient = kubeclient.TolerateAuthErrors(discovery.Transient)
	err := kubeclient.Until(ctx, wait, func(ctx context.Context) error {
		var err error
		cluster, err = discovery.Discover(ctx, o.Discovery)
		return err
	})
	return cluster, err
}

// trusted returns the certificates of a bundle that may be trusted: by the pins and
// the CA certificates that are given, or by the file; where nothing is, all of a
// bundle that stood here before.
func (o Options) trusted(bundle []*x509.Certificate) ([]*x509.Certificate, error) {
	trust := o.Discovery
	if o.File != nil && len(trust.CAs) == 0 {
		trust.CAs = o.File.CAs
	}
	if len(trust.Pins) == 0 && len(trust.CAs) == 0 {
		trust.SkipCAVerification = true
	}
	return trust.Trusted(bundle)
}

func (o Options) wait() kubeclient.Wait {
	return kubeclient.Wait{Transient: kubeclient.TolerateAuthErrors(kubeclient.IsTransient), Cause: o.Cause, Slow: kubeclient.ErrNoAnswer}
}

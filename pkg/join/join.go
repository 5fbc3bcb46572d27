package join

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

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
	// Fetch gets the File where it takes the network, which a node that has joined
	// already does not need; nil means that it does not.
	Fetch func(context.Context) (File, error)
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
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	clock := discovery.Clock{Now: opts.Discovery.Client.Now, Observer: opts.Observer}
	opts.Discovery.Client = clock.Watch(opts.Discovery.Client.WithDefaults())
	j := &joiner{Options: opts, file: opts.File}
	result, err := j.run(ctx)
	return result, clock.Explain(err)
}

// joiner carries out what its options say.
type joiner struct {
	Options
	file *File // the File, or the fetched one
}

func (j *joiner) step(name string) { j.Observer.Notify(kubeclient.Event{Step: name}) }

func (j *joiner) run(ctx context.Context) (result Result, err error) {
	missing := j.missing()
	switch {
	case errors.Is(missing, discovery.ErrNoTrust):
		return Result{}, missing // where an identity stands, it would not count
	case missing == nil || j.NodeName != "":
		if err := csr.ValidateNodeName(j.NodeName); err != nil {
			return Result{}, err
		}
	}
	unlock, err := j.prepare(ctx, missing == nil && !j.DryRun)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	found, err := j.existing()
	if err == nil {
		j.step("checking the identity that is here")
		result, err = j.confirm(ctx, found)
	}
	switch {
	case err == nil:
		return result, nil
	case !j.shouldReplace(err):
		return Result{}, err
	case missing != nil && j.DryRun:
		return Result{}, err
	case missing != nil:
		return Result{}, fmt.Errorf("%w; to join: %w", err, missing)
	}
	if j.file == nil && j.Fetch != nil {
		if err := j.fetch(ctx); err != nil {
			return Result{}, err
		}
	}
	if j.DryRun {
		return j.dryRun(ctx)
	}
	return j.join(ctx)
}

// fetch gets the file, which must say who asks where nothing else does.
func (j *joiner) fetch(ctx context.Context) error {
	j.step("fetching the discovery file")
	err := kubeclient.Until(ctx, j.wait(), func(ctx context.Context) error {
		file, err := j.Fetch(ctx)
		j.file = &file
		return err
	})
	if err != nil {
		return err
	}
	return j.missing()
}

// missing says what would keep the node from joining, were it not for an identity
// on disk.
func (j *joiner) missing() error {
	switch {
	case j.file == nil && j.Fetch != nil:
		return nil
	case j.file == nil:
		return j.Discovery.Validate()
	case j.credential().IsZero():
		return fmt.Errorf("the file has no credential, and no token is given: %w", token.ErrInvalid)
	}
	return nil
}

func (j *joiner) credential() Credential {
	switch {
	case !j.Credential.IsZero():
		return j.Credential
	case j.file != nil && !j.file.Credential.IsZero():
		return j.file.Credential
	}
	return TokenCredential(j.Discovery.Token)
}

// prepare checks the places of the files, and takes the lock on the directory with
// the keys, for which another join is waited for. Where the node is to join, it
// makes the directories and clears away what a dead join left.
func (j *joiner) prepare(ctx context.Context, joins bool) (unlock func() error, err error) {
	free := func() error { return nil }
	if err := j.Layout.check(); err != nil {
		return nil, err
	}
	if joins {
		if err := j.Layout.writable(); err != nil {
			return nil, err
		}
		if err := j.Layout.create(); err != nil {
			return nil, err
		}
	}
	if j.DryRun || !j.Layout.exists() {
		return free, nil
	}
	busy := kubeclient.Wait{Transient: func(err error) bool { return errors.Is(err, durable.ErrLocked) }, Observer: j.Observer}
	err = kubeclient.Until(ctx, busy, func(context.Context) error {
		unlock, err = durable.Lock(j.Layout.pki)
		return err
	})
	if err != nil || !joins {
		return unlock, err
	}
	if err := j.Layout.removeTempFiles(); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

func (j *joiner) join(ctx context.Context) (Result, error) {
	key, err := j.key()
	if err != nil {
		return Result{}, err
	}
	cluster, err := j.cluster(ctx)
	if err != nil {
		return Result{}, err
	}
	request, text, err := j.certificate(ctx, cluster, key)
	if err != nil {
		return Result{}, err
	}
	expected := csr.ExpectNode(j.NodeName)
	expected.PublicKey, expected.Roots, expected.Now = key.Public(), cluster.Roots, j.Discovery.Client.Now()
	cert, err := csr.CheckCertificate(text, expected)
	if err != nil {
		return Result{}, err
	}
	j.step("writing the files")
	id := identity{server: cluster.Server, roots: cluster.Roots, chain: text, leaf: cert, key: key}
	if err := j.write(id); err != nil {
		return Result{}, err
	}
	result := Result{NodeName: j.NodeName, Server: cluster.Server, Others: cluster.Others, Roots: cluster.Roots, Certificate: cert, RequestName: request.Name}
	return j.identify(ctx, result, id)
}

// cluster returns the cluster to join, whose CA file here, if there is one, is its
// own.
func (j *joiner) cluster(ctx context.Context) (cluster discovery.Cluster, err error) {
	if j.file == nil {
		j.step("reading and verifying cluster-info")
		cluster, err = j.discover(ctx)
	} else {
		j.step("taking the cluster from the file")
		cluster.Server, cluster.Endpoint = j.file.Server, j.file.Server
		cluster.Roots, err = j.trusted(j.file.CAs)
	}
	if err != nil {
		return discovery.Cluster{}, err
	}
	return cluster, j.checkCAFile(cluster.Roots)
}

func (j *joiner) discover(ctx context.Context) (discovery.Cluster, error) {
	var cluster discovery.Cluster
	wait := j.wait()
	wait.Transient = kubeclient.TolerateAuthErrors(discovery.Transient)
	err := kubeclient.Until(ctx, wait, func(ctx context.Context) (err error) {
		cluster, err = discovery.Discover(ctx, j.Discovery)
		return err
	})
	return cluster, err
}

// trusted returns the certificates of a bundle that may be trusted: by the pins and
// the CA certificates that are given, or by the file; where nothing is, all of a
// bundle that stood here before.
func (j *joiner) trusted(bundle []*x509.Certificate) ([]*x509.Certificate, error) {
	trust := j.Discovery.Trust
	if j.file != nil && len(trust.CAs) == 0 {
		trust.CAs = j.file.CAs
	}
	if len(trust.Pins) == 0 && len(trust.CAs) == 0 {
		trust.SkipVerification = true
	}
	return trust.Trusted(bundle, j.Discovery.Client.Now())
}

func (j *joiner) wait() kubeclient.Wait {
	return kubeclient.Wait{Transient: kubeclient.TolerateAuthErrors(kubeclient.IsTransient), Observer: j.Observer, Slow: kubeclient.ErrNoAnswer}
}

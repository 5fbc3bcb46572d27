package join

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	authenticationv1 "k8s.io/api/authentication/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
)

// Options say who joins what, and where the files go.
type Options struct {
	NodeName  string
	Layout    Layout
	Discovery clusterinfo.Options
	// Random draws the key.
	Random io.Reader
	// NewKey makes a new key though one waits for its certificate: the way on
	// when the request for that one was denied or failed.
	NewKey bool
	// Step is told of each step before it begins, Requested of the request once
	// the API server has it, and Cause of each reason to wait. They must not be
	// nil.
	Step      func(string)
	Requested func(csr.Request)
	Cause     func(error)
}

// Result is the identity that the node has.
type Result struct {
	// AlreadyJoined says that it was there before, and was only checked.
	AlreadyJoined bool
	NodeName      string
	Server        clusterinfo.Endpoint
	// Others are the errors of endpoints that answered not as this cluster.
	Others      clusterinfo.EndpointErrors
	Roots       []*x509.Certificate
	Certificate *x509.Certificate
	// RequestName is the name of the request, empty when AlreadyJoined.
	RequestName string
	// Username and Groups are what the API server says the identity is.
	Username string
	Groups   []string
}

// Run joins: it discovers and verifies the cluster, asks for a certificate,
// waits for it until the deadline of ctx, checks it, writes the files, and asks
// the API server who it now is. A node that has joined already is only checked.
//
// It returns the errors of packages clusterinfo and csr, [ErrForeign] when the
// files are of another node or cluster, and errors of the file system, before
// anything is sent where they can be known by then.
//
// Access: what the bootstrap token has through system:node-bootstrapper: create,
// get and watch on certificatesigningrequests.
func Run(ctx context.Context, opts Options) (Result, error) {
	if err := csr.ValidateNodeName(opts.NodeName); err != nil {
		return Result{}, err
	}
	if err := opts.Discovery.Validate(); err != nil {
		return Result{}, err
	}
	unlock, err := opts.prepare()
	if err != nil {
		return Result{}, err
	}
	result, err := opts.run(ctx)
	return result, errors.Join(err, unlock())
}

// prepare makes the directories, checks that the files can be written, and takes
// the lock on the directory with the keys.
func (o Options) prepare() (unlock func() error, err error) {
	for _, dir := range o.Layout.dirs() {
		if err := durable.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	for path, kind := range o.Layout.files() {
		if err := durable.Replaceable(path, kind); err != nil {
			return nil, err
		}
	}
	return durable.Lock(o.Layout.pki)
}

func (o Options) run(ctx context.Context) (Result, error) {
	o.Step("looking for an identity")
	result, err := o.existing()
	if err != nil {
		return Result{}, err
	}
	if !result.AlreadyJoined {
		result, err = o.join(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	o.Step("asking the API server who this is")
	return o.identify(ctx, result)
}

func (o Options) join(ctx context.Context) (Result, error) {
	o.Step("making a key")
	key, err := o.key()
	if err != nil {
		return Result{}, err
	}
	o.Step("reading and verifying cluster-info")
	cluster, err := o.discover(ctx)
	if err != nil {
		return Result{}, err
	}
	o.Step("asking for a certificate")
	client, request, err := o.submit(ctx, cluster, key)
	if err != nil {
		return Result{}, err
	}
	o.Requested(csr.Decode(request))
	o.Step("waiting for the certificate")
	text, err := csr.Wait(ctx, client.Certificates, request, csr.WaitOptions{Cause: o.Cause})
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
	if err := o.write(identity{cluster.Server, cluster.Roots, text, key}); err != nil {
		return Result{}, err
	}
	return Result{NodeName: o.NodeName, Server: cluster.Server, Others: cluster.Others, Roots: cluster.Roots, Certificate: cert, RequestName: request.Name}, nil
}

func (o Options) discover(ctx context.Context) (clusterinfo.Cluster, error) {
	var cluster clusterinfo.Cluster
	rejected := 0
	wait := apiclient.Wait{Cause: o.Cause, Slow: apiclient.ErrNoAnswer, Transient: func(err error) bool {
		// A token made a moment ago may be new to this API server.
		if errors.Is(err, clusterinfo.ErrTokenRejected) {
			rejected++
			return rejected < 3
		}
		return clusterinfo.Transient(err)
	}}
	err := apiclient.Until(ctx, wait, func(ctx context.Context) error {
		var err error
		cluster, err = clusterinfo.Discover(ctx, o.Discovery)
		return err
	})
	return cluster, err
}

func (o Options) wait() apiclient.Wait {
	return apiclient.Wait{Transient: apiclient.IsTransient, Cause: o.Cause, Slow: apiclient.ErrNoAnswer}
}

// submit sends the request as the bootstrap token, to the address that
// cluster-info names, over a connection that the pinned CA verifies.
func (o Options) submit(ctx context.Context, cluster clusterinfo.Cluster, key crypto.Signer) (*apiclient.Client, *certificatesv1.CertificateSigningRequest, error) {
	wanted, err := csr.NewNodeRequest(o.NodeName, key, o.Random)
	if err != nil {
		return nil, nil, err
	}
	observe := o.Discovery.Client
	observe.As = "token " + o.Discovery.Token.ID()
	client, err := apiclient.New(&rest.Config{
		Host:            cluster.Server.URL(),
		BearerToken:     o.Discovery.Token.Reveal(),
		TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(cluster.Roots...)},
	}, observe)
	if err != nil {
		return nil, nil, err
	}
	var request *certificatesv1.CertificateSigningRequest
	err = apiclient.Until(ctx, o.wait(), func(ctx context.Context) error {
		attempt, cancel := context.WithTimeout(ctx, o.Discovery.RequestTimeout())
		defer cancel()
		var err error
		request, err = csr.Submit(attempt, client.Certificates, wanted)
		if apierrors.IsUnauthorized(err) {
			return fmt.Errorf("token %s: %w", o.Discovery.Token.ID(), clusterinfo.ErrTokenRejected)
		}
		return err
	})
	return client, request, err
}

// identify asks the API server who the certificate on disk makes us.
func (o Options) identify(ctx context.Context, result Result) (Result, error) {
	observe := o.Discovery.Client
	observe.As = csr.NodeUserPrefix + o.NodeName
	client, err := apiclient.New(&rest.Config{
		Host:    result.Server.URL(),
		Timeout: o.Discovery.RequestTimeout(),
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   certpem.Encode(result.Roots...),
			CertFile: o.Layout.Current(),
			KeyFile:  o.Layout.Current(),
		},
	}, observe)
	if err != nil {
		return result, err
	}
	err = apiclient.Until(ctx, o.wait(), func(ctx context.Context) error {
		review, err := client.Authentication.SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("ask the API server who this is: %w", err)
		}
		result.Username, result.Groups = review.Status.UserInfo.Username, review.Status.UserInfo.Groups
		return nil
	})
	return result, err
}

package join

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// maxFile is the maximum size of a discovery file in bytes.
const maxFile = 4 << 20

// ErrDiscoveryFile means that the file at Options.URL cannot be used.
var ErrDiscoveryFile = errors.New("the file at the URL cannot be used")

// request is a CSR before or after it is stored.
type request = certificatesv1.CertificateSigningRequest

// join gets the node credentials, or in a dry run performs the steps that change nothing.
func (j *joiner) join(ctx context.Context) (Result, error) {
	if j.File == nil && j.URL != nil {
		if err := j.fetch(ctx); err != nil {
			return Result{}, err
		}
	}
	if j.DryRun {
		if err := j.Layout.writable(); err != nil {
			return Result{}, err
		}
	}
	key, err := j.key()
	if err != nil {
		return Result{}, err
	}
	cluster, err := j.cluster(ctx)
	if err != nil {
		return Result{}, err
	}
	wanted, err := csr.NewNodeRequest(j.NodeName, key, j.Random)
	if err != nil {
		return Result{}, err
	}
	client, err := j.credential().Client(cluster, j.Discovery.Client)
	if err != nil {
		return Result{}, err
	}
	result := Result{NodeName: j.NodeName, Server: cluster.Server, Others: cluster.Others, Roots: cluster.Roots, RequestName: wanted.Name}
	if j.DryRun {
		return j.rehearse(ctx, result, client, wanted)
	}
	id := identity{Node: Node{Name: j.NodeName, Server: cluster.Server, Roots: cluster.Roots, Key: key}}
	if id.Chain, err = j.certificate(ctx, client, wanted); err != nil {
		return Result{}, err
	}
	if id.leaf, err = id.CheckCertificate(j.Discovery.Client.Now()); err != nil {
		return Result{}, err
	}
	j.step("writing the files")
	if err := writeFiles(j.Layout, id); err != nil {
		return Result{}, err
	}
	result.Certificate = id.leaf
	return j.identify(ctx, result, id.Node)
}

// fetch downloads the discovery file, which must have a credential if no other is given.
func (j *joiner) fetch(ctx context.Context) error {
	j.step("fetching the discovery file")
	text, err := kubeclient.Retry(ctx, discovery.Transient, j.Observer, func(ctx context.Context) ([]byte, error) {
		return kubeclient.Download(ctx, j.URL, maxFile, j.Discovery.Client)
	})
	if err != nil {
		return err
	}
	file, err := ParseFile(text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDiscoveryFile, err)
	}
	j.File = &file
	return j.Validate()
}

// key returns the key that waits for its certificate, or a new one. Except in a dry run, it
// is on disk before it is used.
func (j *joiner) key() (crypto.Signer, error) {
	text, err := os.ReadFile(j.Layout.pendingKey())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if key, err := csr.ParseKey(text); err == nil && !j.NewKey {
		if !j.DryRun {
			j.step("resuming with the existing key")
		}
		return key, nil
	}
	key, err := csr.GenerateKey(j.Random)
	if err != nil || j.DryRun {
		return key, err
	}
	j.step("generating a key")
	if text, err = csr.EncodeKey(key); err != nil {
		return nil, err
	}
	return key, durable.WriteFile(j.Layout.pendingKey(), text, 0o600)
}

// cluster returns the cluster to join, whose CA must be in the existing CA file, if any.
func (j *joiner) cluster(ctx context.Context) (cluster discovery.Cluster, err error) {
	if j.File != nil {
		j.step("reading the cluster from the file")
		cluster.Server = j.File.Server
		cluster.Roots, err = j.trusted(j.File.CAs)
	} else {
		j.step("reading and verifying cluster-info")
		discover := func(ctx context.Context) (discovery.Cluster, error) { return discovery.Discover(ctx, j.Discovery) }
		cluster, err = kubeclient.Retry(ctx, discovery.Transient, j.Observer, discover)
	}
	if err != nil {
		return cluster, err
	}
	return cluster, j.checkCAFile(cluster.Roots)
}

// rehearse lets the API server validate the CSR without storing it.
func (j *joiner) rehearse(ctx context.Context, result Result, client *kubeclient.Client, wanted *request) (Result, error) {
	j.step("validating the CSR")
	found, err := j.submit(ctx, func(ctx context.Context) (*request, error) { return csr.SubmitDryRun(ctx, client.Certificates, wanted) })
	if err != nil || found == nil {
		return result, err
	}
	result.Requested = true
	j.Observer.Notify(kubeclient.Event{CSR: found})
	return result, csr.Decode(found).Refused()
}

// certificate requests the certificate and waits for it. A CSR that disappears meanwhile is
// submitted once more.
func (j *joiner) certificate(ctx context.Context, client *kubeclient.Client, wanted *request) ([]byte, error) {
	for again := false; ; again = true {
		j.step("requesting a certificate")
		sent, err := j.submit(ctx, func(ctx context.Context) (*request, error) { return csr.Submit(ctx, client.Certificates, wanted) })
		if err != nil {
			return nil, err
		}
		j.Observer.Notify(kubeclient.Event{CSR: sent})
		j.step("waiting for the certificate")
		chain, err := csr.Wait(ctx, client.Certificates, sent, csr.WaitOptions{Observer: j.Observer})
		if again || !errors.Is(err, csr.ErrNotFound) && !errors.Is(err, csr.ErrReplaced) {
			return chain, j.rejection(err)
		}
		j.Observer.Notify(kubeclient.Event{Waiting: err})
	}
}

// submit calls send until it succeeds.
func (j *joiner) submit(ctx context.Context, send func(context.Context) (*request, error)) (*request, error) {
	return kubeclient.Retry(ctx, discovery.Transient, j.Observer, func(ctx context.Context) (*request, error) {
		ctx, cancel := context.WithTimeout(ctx, j.Discovery.Client.Timeout)
		defer cancel()
		stored, err := send(ctx)
		return stored, j.rejection(err)
	})
}

// rejection returns err, or ErrTokenRejected if the credential is not accepted.
func (j *joiner) rejection(err error) error {
	if !apierrors.IsUnauthorized(err) {
		return err
	}
	err = fmt.Errorf("%w: %w", discovery.ErrTokenRejected, err)
	if id := j.credential().tokenID; id != "" {
		return &token.IDError{ID: id, Err: err}
	}
	return fmt.Errorf("%s: %w", j.credential(), err)
}

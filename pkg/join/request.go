package join

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// certificate asks for the certificate and waits for it. A request that disappears
// meanwhile is sent once more.
func (j *joiner) certificate(ctx context.Context, cluster discovery.Cluster, key crypto.Signer) (*certificatesv1.CertificateSigningRequest, []byte, error) {
	client, wanted, err := j.request(cluster, key)
	if err != nil {
		return nil, nil, err
	}
	for again := false; ; again = true {
		j.step("asking for a certificate")
		request, err := j.submit(ctx, csr.Submit, client, wanted)
		if err != nil {
			return nil, nil, err
		}
		j.Observer.Notify(kubeclient.Event{CSR: request})
		j.step("waiting for the certificate")
		text, err := csr.Wait(ctx, client.Certificates, request, csr.WaitOptions{Observer: j.Observer})
		err = j.rejection(err)
		if !again && (errors.Is(err, csr.ErrNotFound) || errors.Is(err, csr.ErrReplaced)) {
			j.Observer.Notify(kubeclient.Event{Waiting: err})
			continue
		}
		return request, text, err
	}
}

// request returns the CSR to submit, and a client with the credentials to submit it.
func (j *joiner) request(cluster discovery.Cluster, key crypto.Signer) (*kubeclient.Client, *certificatesv1.CertificateSigningRequest, error) {
	wanted, err := csr.NewNodeRequest(j.NodeName, key, j.Random)
	if err != nil {
		return nil, nil, err
	}
	client, err := j.credential().Client(cluster, j.Discovery.Client)
	return client, wanted, err
}

// Client returns a client of the API server that cluster-info names, as who asks
// for a certificate, over a connection that the pinned CA verifies. The timeout of the
// options does not apply, since a watch may last longer.
func (c Credential) Client(cluster discovery.Cluster, opts kubeclient.Options) (*kubeclient.Client, error) {
	opts.As, opts.Timeout = c.String(), 0
	config := &rest.Config{Host: cluster.Server.URL(), TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(cluster.Roots...)}}
	c.use(config)
	return kubeclient.New(config, opts)
}

// submitter is csr.Submit or csr.SubmitDryRun.
type submitter func(context.Context, certificatesv1client.CertificateSigningRequestsGetter, *certificatesv1.CertificateSigningRequest) (*certificatesv1.CertificateSigningRequest, error)

// submit makes one request at a time until one is answered.
func (j *joiner) submit(ctx context.Context, submit submitter, client *kubeclient.Client, wanted *certificatesv1.CertificateSigningRequest) (stored *certificatesv1.CertificateSigningRequest, err error) {
	err = kubeclient.Until(ctx, j.wait(), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, j.Discovery.Client.Timeout)
		defer cancel()
		stored, err = submit(ctx, client.Certificates, wanted)
		return j.rejection(err)
	})
	return stored, err
}

// rejection is err, or that the credential is not accepted.
func (j *joiner) rejection(err error) error {
	if apierrors.IsUnauthorized(err) {
		return fmt.Errorf("%s: %w: %w", j.credential(), discovery.ErrTokenRejected, err)
	}
	return err
}

// identify asks the API server who the identity makes us, which must be the node.
func (j *joiner) identify(ctx context.Context, result Result, id identity) (Result, error) {
	j.step("asking the API server who this is")
	node := Node{Name: result.NodeName, Server: result.Server, Roots: id.roots, Chain: id.chain, Key: id.key}
	client, err := node.Client(j.Discovery.Client)
	if err != nil {
		return result, err
	}
	err = kubeclient.Until(ctx, j.wait(), func(ctx context.Context) error {
		user, err := node.Confirm(ctx, client)
		if err == nil {
			result.Username, result.Groups = user.Username, user.Groups
		}
		return err
	})
	return result, err
}

// Node is who a certificate makes of its holder, and where that counts.
type Node struct {
	Name   string
	Server clusterinfo.Endpoint
	Roots  []*x509.Certificate
	// Chain is in PEM, the node's own certificate first.
	Chain []byte
	Key   crypto.Signer
}

// Client returns a client of the API server as the node.
func (n Node) Client(opts kubeclient.Options) (*kubeclient.Client, error) {
	key, err := csr.EncodeKey(n.Key)
	if err != nil {
		return nil, err
	}
	opts.As = csr.NodeUserPrefix + n.Name
	return kubeclient.New(&rest.Config{
		Host:            n.Server.URL(),
		TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(n.Roots...), CertData: n.Chain, KeyData: key},
	}, opts)
}

// Confirm asks the API server once who the node's client is. It returns an error
// that matches ErrRejected when that is not the node.
//
// Access: create on selfsubjectreviews, which every authenticated user has.
func (n Node) Confirm(ctx context.Context, client *kubeclient.Client) (authenticationv1.UserInfo, error) {
	user, err := client.WhoAmI(ctx)
	switch {
	case apierrors.IsUnauthorized(err):
		err = fmt.Errorf("%s: %w: %w", n.Server, ErrRejected, err)
	case err == nil && user.Username != csr.NodeUserPrefix+n.Name:
		err = fmt.Errorf("%s: %w: it takes it for %q", n.Server, ErrRejected, user.Username)
	}
	return user, err
}

package join

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// certificate asks for the certificate and waits for it. A request that disappears
// meanwhile is sent once more.
func (o Options) certificate(ctx context.Context, cluster discovery.Cluster, key crypto.Signer) (*certificatesv1.CertificateSigningRequest, []byte, error) {
	wanted, err := csr.NewNodeRequest(o.NodeName, key, o.Random)
	if err != nil {
		return nil, nil, err
	}
	client, err := o.requestClient(cluster)
	if err != nil {
		return nil, nil, err
	}
	for again := false; ; again = true {
		o.Step("asking for a certificate")
		request, err := o.submit(ctx, client, wanted)
		if err != nil {
			return nil, nil, err
		}
		o.Requested(csr.Decode(request))
		o.Step("waiting for the certificate")
		text, err := csr.Wait(ctx, client.Certificates, request, csr.WaitOptions{Cause: o.Cause})
		err = o.rejection(err)
		if !again && (errors.Is(err, csr.ErrNotFound) || errors.Is(err, csr.ErrReplaced)) {
			o.Cause(err)
			continue
		}
		return request, text, err
	}
}

// requestClient returns a client as who asks for the certificate.
func (o Options) requestClient(cluster discovery.Cluster) (*kubeclient.Client, error) {
	return o.credential().Client(cluster, o.Discovery.Client)
}

// Client returns a client of the API server that cluster-info names, as who asks
// for a certificate, over a connection that the pinned CA verifies.
func (c Credential) Client(cluster discovery.Cluster, observe kubeclient.Options) (*kubeclient.Client, error) {
	observe.As = c.String()
	config := &rest.Config{Host: cluster.Server.URL(), TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(cluster.Roots...)}}
	c.use(config)
	return kubeclient.New(config, observe)
}

func (o Options) submit(ctx context.Context, client *kubeclient.Client, wanted *certificatesv1.CertificateSigningRequest) (*certificatesv1.CertificateSigningRequest, error) {
	return o.submitWithRetry(ctx, func(ctx context.Context) (*certificatesv1.CertificateSigningRequest, error) {
		return csr.Submit(ctx, client.Certificates, wanted)
	})
}

// submitWithRetry makes one request at a time until one is answered.
func (o Options) submitWithRetry(ctx context.Context, attempt func(context.Context) (*certificatesv1.CertificateSigningRequest, error)) (request *certificatesv1.CertificateSigningRequest, err error) {
	err = kubeclient.Until(ctx, o.wait(), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, o.Discovery.RequestTimeout())
		defer cancel()
		request, err = attempt(ctx)
		return o.rejection(err)
	})
	return request, err
}

// rejection is err, or that the credential is not accepted.
func (o Options) rejection(err error) error {
	if apierrors.IsUnauthorized(err) {
		return fmt.Errorf("%s: %w: %w", o.credential(), discovery.ErrTokenRejected, err)
	}
	return err
}

// identify asks the API server who the identity makes us, which must be the node.
func (o Options) identify(ctx context.Context, result Result, id identity) (Result, error) {
	o.Step("asking the API server who this is")
	node := Node{Name: result.NodeName, Server: result.Server, Roots: id.roots, Chain: id.chain, Key: id.key}
	client, err := node.Client(o.Discovery.RequestTimeout(), o.Discovery.Client)
	if err != nil {
		return result, err
	}
	err = kubeclient.Until(ctx, o.wait(), func(ctx context.Context) error {
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

// Client returns a client of the API server as the node. A request may take as long
// as timeout.
func (n Node) Client(timeout time.Duration, observe kubeclient.Options) (*kubeclient.Client, error) {
	key, err := csr.EncodeKey(n.Key)
	if err != nil {
		return nil, err
	}
	observe.As = csr.NodeUserPrefix + n.Name
	return kubeclient.New(&rest.Config{
		Host:            n.Server.URL(),
		Timeout:         timeout,
		TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(n.Roots...), CertData: n.Chain, KeyData: key},
	}, observe)
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

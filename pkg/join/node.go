package join

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Node is a node with its certificate and key, and the cluster that issued it.
type Node struct {
	Name   string
	Server clusterinfo.Endpoint
	Roots  []*x509.Certificate
	// Chain is in PEM, the node's own certificate first.
	Chain []byte
	Key   crypto.Signer
}

// CheckCertificate returns the node's own certificate, or an error that matches
// csr.ErrCertificate: it must be this node's client certificate for its key, from one of
// the roots, and valid at that time.
func (n Node) CheckCertificate(now time.Time) (*x509.Certificate, error) {
	want := csr.ExpectNode(n.Name)
	want.PublicKey, want.Roots, want.Now = n.Key.Public(), n.Roots, now
	return csr.CheckCertificate(n.Chain, want)
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

// Confirm requests the identity of the node's client once from the API server. It returns
// an error that matches ErrRejected if that is not the node.
//
// Access: create on selfsubjectreviews, which every authenticated user has.
func (n Node) Confirm(ctx context.Context, client *kubeclient.Client) (authenticationv1.UserInfo, error) {
	user, err := client.WhoAmI(ctx)
	switch {
	case apierrors.IsUnauthorized(err):
		err = fmt.Errorf("%s: %w: %w", n.Server, ErrRejected, err)
	case err == nil && user.Username != csr.NodeUserPrefix+n.Name:
		err = fmt.Errorf("%s: %w: it authenticates as %q", n.Server, ErrRejected, user.Username)
	}
	return user, err
}

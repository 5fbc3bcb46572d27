package join

import (
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// A Credential authenticates the request for a certificate: a bootstrap token, or the
// credential in a bootstrap kubeconfig. Its zero value is no credential. It prints without
// the secret.
type Credential struct {
	as      string
	tokenID string // empty if it is not a bootstrap token
	// use sets the credential in a configuration. A function keeps the secret from being
	// printed.
	use func(*rest.Config)
}

// TokenCredential returns the credential for a bootstrap token.
func TokenCredential(tok token.Token) Credential {
	if tok.IsZero() {
		return Credential{}
	}
	return Credential{"token " + tok.ID(), tok.ID(), func(c *rest.Config) { c.BearerToken = tok.Reveal() }}
}

func (c Credential) String() string { return c.as }

// IsZero reports whether there is no credential.
func (c Credential) IsZero() bool { return c.use == nil }

// Client returns a client with the credential for the API server that cluster-info names,
// over a connection that the pinned CA verifies. The timeout of the options does not apply,
// since a watch may last longer.
func (c Credential) Client(cluster discovery.Cluster, opts kubeclient.Options) (*kubeclient.Client, error) {
	opts.As, opts.Timeout = c.as, 0
	config := &rest.Config{Host: cluster.Server.URL(), TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(cluster.Roots...)}}
	c.use(config)
	return kubeclient.New(config, opts)
}

func credentialOf(user *clientcmdapi.AuthInfo) Credential {
	tok, err := token.Parse(user.Token)
	switch secret, cert, key := user.Token, user.ClientCertificateData, user.ClientKeyData; {
	case err == nil:
		return TokenCredential(tok)
	case secret != "":
		return Credential{"the token in the file", "", func(c *rest.Config) { c.BearerToken = secret }}
	case len(cert) > 0:
		return Credential{"the certificate in the file", "", func(c *rest.Config) { c.CertData, c.KeyData = cert, key }}
	}
	return Credential{}
}

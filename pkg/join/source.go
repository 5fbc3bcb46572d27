package join

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// ErrFile means that a kubeconfig is not one to join with.
var ErrFile = errors.New("not a kubeconfig to join with")

// A Credential is who asks for the certificate: a bootstrap token, or what a
// bootstrap kubeconfig has. Its zero value is nobody. It prints as who it is.
type Credential struct {
	as string
	// use sets it in a configuration. A function keeps the secret out of what is
	// printed.
	use func(*rest.Config)
}

// TokenCredential is a bootstrap token.
func TokenCredential(tok token.Token) Credential {
	if tok.IsZero() {
		return Credential{}
	}
	return Credential{"token " + tok.ID(), func(c *rest.Config) { c.BearerToken = tok.Reveal() }}
}

func (c Credential) String() string { return c.as }

// IsZero says whether it is nobody.
func (c Credential) IsZero() bool { return c.use == nil }

// Client returns a client of the API server that cluster-info names, as who asks
// for a certificate, over a connection that the pinned CA verifies. The timeout of the
// options does not apply, since a watch may last longer.
func (c Credential) Client(cluster discovery.Cluster, opts kubeclient.Options) (*kubeclient.Client, error) {
	opts.As, opts.Timeout = c.as, 0
	config := &rest.Config{Host: cluster.Server.URL(), TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(cluster.Roots...)}}
	c.use(config)
	return kubeclient.New(config, opts)
}

// A File is what a kubeconfig says of a cluster and of who asks: a discovery file,
// or the bootstrap kubeconfig of the kubelet.
type File struct {
	Server     clusterinfo.Endpoint
	CAs        []*x509.Certificate
	Credential Credential // zero when it has none
}

// ReadFile reads a kubeconfig from the disk, and the files that it refers to. See
// ParseFile.
func ReadFile(path string) (File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return File{}, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return File{}, err
	}
	f, err := parseFile(text, filepath.Dir(path))
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ParseFile reads a kubeconfig of the current context, or of one cluster and no
// user: an https server, its CA, and at most a token or a client certificate. What
// the kubelet would not keep, such as a proxy, what runs programs, and what refers
// to files is refused. It returns an error that matches ErrFile.
func ParseFile(text []byte) (File, error) { return parseFile(text, "") }

// parseFile parses a kubeconfig in a directory, which has the files that it refers to;
// empty means that it must not refer to any.
func parseFile(text []byte, dir string) (File, error) {
	cluster, user, err := currentContext(text)
	if err == nil {
		err = checkFields(cluster, user)
	}
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if dir == "" && cluster.CertificateAuthority+user.TokenFile+user.ClientCertificate+user.ClientKey != "" {
		return File{}, fmt.Errorf("%w: it refers to files, and must hold what is in them", ErrFile)
	}
	if err := flatten(cluster, user, dir); err != nil {
		return File{}, err
	}
	f := File{Credential: credentialOf(user)}
	if f.Server, err = clusterinfo.ParseEndpoint(cluster.Server); err != nil {
		return File{}, fmt.Errorf("%w: its server is %w", ErrFile, err)
	}
	if f.CAs, err = certpem.Parse(cluster.CertificateAuthorityData); err != nil {
		return File{}, fmt.Errorf("%w: its CA: %w", ErrFile, err)
	}
	return f, nil
}

// flatten reads the files that a cluster and its user refer to, relative to dir.
func flatten(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo, dir string) error {
	var tokenText []byte
	err := cmp.Or(
		clientcmdapi.FlattenContent(&user.TokenFile, &tokenText, dir),
		clientcmdapi.FlattenContent(&user.ClientCertificate, &user.ClientCertificateData, dir),
		clientcmdapi.FlattenContent(&user.ClientKey, &user.ClientKeyData, dir),
		clientcmdapi.FlattenContent(&cluster.CertificateAuthority, &cluster.CertificateAuthorityData, dir),
	)
	if tokenText != nil {
		user.Token = strings.TrimSpace(string(tokenText))
	}
	return err
}

// currentContext returns the cluster and the user that a kubeconfig means.
func currentContext(text []byte) (*clientcmdapi.Cluster, *clientcmdapi.AuthInfo, error) {
	config, err := clientcmd.Load(text)
	if err != nil {
		return nil, nil, err
	}
	if config.CurrentContext == "" {
		for _, cluster := range config.Clusters {
			if len(config.Clusters) == 1 && len(config.AuthInfos) == 0 {
				return cluster, clientcmdapi.NewAuthInfo(), nil
			}
		}
		return nil, nil, fmt.Errorf("it has no current context, but %d clusters and %d users", len(config.Clusters), len(config.AuthInfos))
	}
	context := config.Contexts[config.CurrentContext]
	if context == nil {
		return nil, nil, errors.New("its current context is not there")
	}
	cluster, user := config.Clusters[context.Cluster], config.AuthInfos[context.AuthInfo]
	switch {
	case cluster == nil:
		return nil, nil, errors.New("the cluster of its current context is not there")
	case user == nil && context.AuthInfo != "":
		return nil, nil, errors.New("the user of its current context is not there")
	case user == nil:
		user = clientcmdapi.NewAuthInfo()
	}
	return cluster, user, nil
}

// checkFields refuses what a node would not take from a kubeconfig.
func checkFields(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) error {
	switch {
	case cluster.InsecureSkipTLSVerify:
		return errors.New("it has insecure-skip-tls-verify")
	case cluster.ProxyURL != "":
		return errors.New("it has a proxy-url, which kubelet.conf would not have; set HTTPS_PROXY")
	case cluster.TLSServerName != "":
		return errors.New("it has a tls-server-name, which kubelet.conf would not have")
	case user.Exec != nil || user.AuthProvider != nil:
		return errors.New("it runs a program for its credentials")
	case user.Username != "" || user.Password != "" || user.Impersonate != "":
		return errors.New("its user is not a token or a client certificate")
	case (user.Token != "" || user.TokenFile != "") && (user.ClientCertificate != "" || len(user.ClientCertificateData) > 0):
		return errors.New("its user has both a token and a client certificate")
	}
	return nil
}

func credentialOf(user *clientcmdapi.AuthInfo) Credential {
	tok, err := token.Parse(user.Token)
	switch secret, cert, key := user.Token, user.ClientCertificateData, user.ClientKeyData; {
	case err == nil:
		return TokenCredential(tok)
	case secret != "":
		return Credential{"the token in the file", func(c *rest.Config) { c.BearerToken = secret }}
	case len(cert) > 0:
		return Credential{"the certificate in the file", func(c *rest.Config) { c.CertData, c.KeyData = cert, key }}
	}
	return Credential{}
}

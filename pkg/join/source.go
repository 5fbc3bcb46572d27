package join

import (
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
	path, err = filepath.Abs(path)
	if err != nil {
		return File{}, err
	}
	f, err := parseFile(text, func(config *clientcmdapi.Config) error {
		for _, cluster := range config.Clusters {
			cluster.LocationOfOrigin = path
		}
		for _, user := range config.AuthInfos {
			user.LocationOfOrigin = path
		}
		if config.CurrentContext != "" {
			if err := clientcmdapi.MinifyConfig(config); err != nil {
				return err
			}
		}
		return errors.Join(clientcmd.ResolveLocalPaths(config), flatten(config))
	})
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ParseFile reads a kubeconfig of the current context, or of one cluster and no
// user: an https server, its CA, and at most a token or a client certificate. What
// the kubelet would not keep, such as a proxy, what runs programs, and what refers
// to files is refused. It returns an error that matches ErrFile.
func ParseFile(text []byte) (File, error) {
	return parseFile(text, func(*clientcmdapi.Config) error { return nil })
}

// flatten reads the files that config refers to.
func flatten(config *clientcmdapi.Config) error {
	for _, user := range config.AuthInfos {
		if user.TokenFile == "" {
			continue
		}
		text, err := os.ReadFile(user.TokenFile)
		if err != nil {
			return err
		}
		user.Token, user.TokenFile = strings.TrimSpace(string(text)), ""
	}
	return clientcmdapi.FlattenConfig(config)
}

func parseFile(text []byte, complete func(*clientcmdapi.Config) error) (File, error) {
	config, err := clientcmd.Load(text)
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	cluster, user, err := currentContext(config)
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if problem := unsupportedField(cluster, user); problem != "" {
		return File{}, fmt.Errorf("%w: %s", ErrFile, problem)
	}
	if err := complete(config); err != nil {
		return File{}, err
	}
	if cluster.CertificateAuthority != "" || user.TokenFile != "" || user.ClientCertificate != "" || user.ClientKey != "" {
		return File{}, fmt.Errorf("%w: it refers to files, and must hold what is in them", ErrFile)
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

// currentContext returns the cluster and the user that a kubeconfig means.
func currentContext(config *clientcmdapi.Config) (*clientcmdapi.Cluster, *clientcmdapi.AuthInfo, error) {
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

// unsupportedField says what a node would not take from a kubeconfig.
func unsupportedField(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) string {
	switch {
	case cluster.InsecureSkipTLSVerify:
		return "it has insecure-skip-tls-verify"
	case cluster.ProxyURL != "":
		return "it has a proxy-url, which kubelet.conf would not have; set HTTPS_PROXY"
	case cluster.TLSServerName != "":
		return "it has a tls-server-name, which kubelet.conf would not have"
	case user.Exec != nil || user.AuthProvider != nil:
		return "it runs a program for its credentials"
	case user.Username != "" || user.Password != "" || user.Impersonate != "":
		return "its user is not a token or a client certificate"
	case (user.Token != "" || user.TokenFile != "") && (user.ClientCertificate != "" || len(user.ClientCertificateData) > 0):
		return "its user has both a token and a client certificate"
	}
	return ""
}

func credentialOf(user *clientcmdapi.AuthInfo) Credential {
	if tok, err := token.Parse(user.Token); err == nil {
		return TokenCredential(tok)
	}
	if user.Token != "" {
		secret := user.Token
		return Credential{"the token in the file", func(c *rest.Config) { c.BearerToken = secret }}
	}
	if len(user.ClientCertificateData) > 0 {
		pair := rest.TLSClientConfig{CertData: user.ClientCertificateData, KeyData: user.ClientKeyData}
		return Credential{"the certificate in the file", func(c *rest.Config) { c.CertData, c.KeyData = pair.CertData, pair.KeyData }}
	}
	return Credential{}
}

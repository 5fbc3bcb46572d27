package join

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// ErrFile means that a kubeconfig is not one to join with.
var ErrFile = errors.New("not a kubeconfig to join with")

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

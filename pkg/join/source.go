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

// ErrFile means that a kubeconfig cannot be used to join.
var ErrFile = errors.New("the kubeconfig cannot be used to join")

// A File has the cluster and the credential of a kubeconfig: a discovery file, or the
// kubelet's bootstrap kubeconfig.
type File struct {
	Server     clusterinfo.Endpoint
	CAs        []*x509.Certificate
	Credential Credential // zero if it has none
}

// ReadFile reads a kubeconfig and the files that it refers to. See ParseFile.
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

// ParseFile reads a kubeconfig that has a current context, or one cluster and no user: an
// https server, its CA, and at most a token or a client certificate. It returns an error
// that matches ErrFile if the kubeconfig has settings that the kubelet would not keep, such
// as a proxy, runs a program, or refers to files.
func ParseFile(text []byte) (File, error) { return parseFile(text, "") }

// parseFile parses a kubeconfig in the directory dir, to which its paths are relative; if dir
// is empty, it must not refer to files.
func parseFile(text []byte, dir string) (File, error) {
	cluster, user, err := currentContext(text)
	if err == nil {
		err = checkFields(cluster, user)
	}
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if dir == "" && cluster.CertificateAuthority+user.TokenFile+user.ClientCertificate+user.ClientKey != "" {
		return File{}, fmt.Errorf("%w: it refers to files, but must contain their data", ErrFile)
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

package join

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
)

// ErrForeign means that the identity on disk is of another node or cluster.
var ErrForeign = errors.New("the identity on disk is another one")

type identity struct {
	server clusterinfo.Endpoint
	roots  []*x509.Certificate
	chain  []byte
	key    crypto.Signer
}

// key returns the key that waits for its certificate, or makes one. It is on
// disk before anything is asked for with it.
func (o Options) key() (crypto.Signer, error) {
	text, err := os.ReadFile(o.Layout.pendingKey())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if key, err := csr.ParseKey(text); err == nil && !o.NewKey {
		return key, nil
	}
	key, err := csr.GenerateKey(o.Random)
	if err != nil {
		return nil, err
	}
	text, err = csr.EncodeKey(key)
	if err != nil {
		return nil, err
	}
	return key, durable.WriteFile(o.Layout.pendingKey(), text, 0o600)
}

// write leaves the files as the kubelet would. The kubeconfig comes last, so
// that where it stands the rest is there, and only then the pending key goes.
func (o Options) write(id identity) error {
	keyText, err := csr.EncodeKey(id.key)
	if err != nil {
		return err
	}
	kubeconfig, err := clusterinfo.Kubeconfig(id.server, id.roots, o.Layout.currentFromKubeconfig())
	if err != nil {
		return err
	}
	pair := o.Layout.pair(o.Discovery.Client.Now())
	chain := append(bytes.TrimSpace(id.chain), '\n')
	if err := durable.WriteFile(pair, append(chain, keyText...), 0o600); err != nil {
		return err
	}
	if err := durable.Symlink(filepath.Base(pair), o.Layout.Current()); err != nil {
		return err
	}
	if err := durable.WriteFile(o.Layout.CA(), certpem.Encode(id.roots...), 0o644); err != nil {
		return err
	}
	if err := durable.WriteFile(o.Layout.Kubeconfig(), kubeconfig, 0o600); err != nil {
		return err
	}
	return os.Remove(o.Layout.pendingKey())
}

// existing returns the identity that stands on disk, with AlreadyJoined set when
// it is complete, valid, of this node and of a cluster that the options trust.
// It returns an error that matches ErrForeign when it is of another.
func (o Options) existing() (Result, error) {
	config, err := clientcmd.LoadFromFile(o.Layout.Kubeconfig())
	var unreadable *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Result{}, nil
	case errors.As(err, &unreadable):
		return Result{}, err
	case err != nil:
		return Result{}, fmt.Errorf("%s: %w: %w", o.Layout.Kubeconfig(), ErrForeign, err)
	}
	cluster := config.Clusters["default-cluster"]
	if cluster == nil {
		return Result{}, fmt.Errorf("%s: %w: it has no cluster named default-cluster", o.Layout.Kubeconfig(), ErrForeign)
	}
	server, err := clusterinfo.ParseEndpoint(cluster.Server)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w: %w", o.Layout.Kubeconfig(), ErrForeign, err)
	}
	bundle, err := certpem.Parse(cluster.CertificateAuthorityData)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w: its CA: %w", o.Layout.Kubeconfig(), ErrForeign, err)
	}
	roots, err := o.Discovery.Trusted(bundle)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w: %w", o.Layout.Kubeconfig(), ErrForeign, err)
	}
	return o.judge(Result{NodeName: o.NodeName, Server: server, Roots: roots})
}

// judge adds the certificate on disk to result. An expired one, or none, means
// that the node joins anew.
func (o Options) judge(result Result) (Result, error) {
	text, err := os.ReadFile(o.Layout.Current())
	if errors.Is(err, fs.ErrNotExist) {
		return Result{}, nil
	}
	if err != nil {
		return Result{}, err
	}
	chain, keyText := certpem.Split(text)
	key, err := csr.ParseKey(keyText)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w: %w", o.Layout.Current(), ErrForeign, err)
	}
	now := o.Discovery.Client.Now()
	certs, err := certpem.Parse(chain)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w: %w", o.Layout.Current(), ErrForeign, err)
	}
	expired := now.After(certs[0].NotAfter)
	if expired { // whose it was counts all the same
		now = certs[0].NotAfter
	}
	expected := csr.ExpectNode(o.NodeName)
	expected.PublicKey, expected.Roots, expected.Now = key.Public(), result.Roots, now
	result.Certificate, err = csr.CheckCertificate(chain, expected)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w: %w", o.Layout.Current(), ErrForeign, err)
	}
	if expired {
		return Result{}, nil
	}
	result.AlreadyJoined = true
	return result, nil
}

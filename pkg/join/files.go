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
	"slices"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
)

// loadPendingKey returns the key that waits for its certificate, or nil where there is
// none, it cannot be read as one, or a new one is wanted.
func (o Options) loadPendingKey() (crypto.Signer, error) {
	text, err := os.ReadFile(o.Layout.pendingKey())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if key, err := csr.ParseKey(text); err == nil && !o.NewKey {
		return key, nil
	}
	return nil, nil
}

// key returns the key that waits for its certificate, or makes one. It is on
// disk before anything is asked for with it.
func (o Options) key() (crypto.Signer, error) {
	key, err := o.loadPendingKey()
	if err != nil {
		return nil, err
	}
	if key != nil {
		o.Step("taking up the key that waits")
		return key, nil
	}
	o.Step("making a key")
	if key, err = csr.GenerateKey(o.Random); err != nil {
		return nil, err
	}
	text, err := csr.EncodeKey(key)
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
	pair := o.Layout.pair(id.leaf.NotBefore)
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

// caFile returns the CA certificates that are in the CA file, nil when there is
// none.
func (o Options) caFile() ([]*x509.Certificate, error) {
	text, err := os.ReadFile(o.Layout.CA())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	bundle, err := certpem.Parse(text)
	if err != nil && !o.Force {
		return nil, fmt.Errorf("%s: %w: %w", o.Layout.CA(), ErrForeign, err)
	}
	return bundle, nil
}

// checkCAFile wants a CA file that is there to hold just these certificates: it may
// also say who may call the kubelet, and is replaced only by force.
func (o Options) checkCAFile(roots []*x509.Certificate) error {
	bundle, err := o.caFile()
	if err != nil || bundle == nil || o.Force || within(roots, bundle) && within(bundle, roots) {
		return err
	}
	return fmt.Errorf("%s: %w: it has other CA certificates than the cluster", o.Layout.CA(), ErrForeign)
}

// within says whether each certificate of a is in b.
func within(a, b []*x509.Certificate) bool {
	for _, cert := range a {
		if !slices.ContainsFunc(b, cert.Equal) {
			return false
		}
	}
	return true
}

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
func (j *joiner) loadPendingKey() (crypto.Signer, error) {
	text, err := os.ReadFile(j.Layout.pendingKey())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if key, err := csr.ParseKey(text); err == nil && !j.NewKey {
		return key, nil
	}
	return nil, nil
}

// key returns the key that waits for its certificate, or makes one. It is on
// disk before anything is asked for with it.
func (j *joiner) key() (crypto.Signer, error) {
	key, err := j.loadPendingKey()
	if err != nil {
		return nil, err
	}
	if key != nil {
		j.step("taking up the key that waits")
		return key, nil
	}
	j.step("making a key")
	if key, err = csr.GenerateKey(j.Random); err != nil {
		return nil, err
	}
	text, err := csr.EncodeKey(key)
	if err != nil {
		return nil, err
	}
	return key, durable.WriteFile(j.Layout.pendingKey(), text, 0o600)
}

// write leaves the files as the kubelet would. The kubeconfig comes last, so
// that where it stands the rest is there, and only then the pending key goes.
func (j *joiner) write(id identity) error {
	keyText, err := csr.EncodeKey(id.key)
	if err != nil {
		return err
	}
	current, err := filepath.Rel(filepath.Dir(j.Layout.Kubeconfig()), j.Layout.Current())
	if err != nil {
		return err
	}
	kubeconfig, err := clusterinfo.Kubeconfig(id.server, id.roots, current)
	if err != nil {
		return err
	}
	pair := j.Layout.pair(id.leaf.NotBefore)
	chain := append(bytes.TrimSpace(id.chain), '\n')
	if err := durable.WriteFile(pair, append(chain, keyText...), 0o600); err != nil {
		return err
	}
	if err := durable.Symlink(filepath.Base(pair), j.Layout.Current()); err != nil {
		return err
	}
	if err := durable.WriteFile(j.Layout.CA(), certpem.Encode(id.roots...), 0o644); err != nil {
		return err
	}
	if err := durable.WriteFile(j.Layout.Kubeconfig(), kubeconfig, 0o600); err != nil {
		return err
	}
	return os.Remove(j.Layout.pendingKey())
}

// caFile returns the CA certificates that are in the CA file, nil when there is
// none.
func (j *joiner) caFile() ([]*x509.Certificate, error) {
	text, err := os.ReadFile(j.Layout.CA())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	bundle, err := certpem.Parse(text)
	if err != nil && !j.Force {
		return nil, fmt.Errorf("%s: %w: %w", j.Layout.CA(), ErrForeign, err)
	}
	return bundle, nil
}

// checkCAFile wants a CA file that is there to hold just these certificates: it may
// also say who may call the kubelet, and is replaced only by force.
func (j *joiner) checkCAFile(roots []*x509.Certificate) error {
	bundle, err := j.caFile()
	if err != nil || bundle == nil || j.Force || within(roots, bundle) && within(bundle, roots) {
		return err
	}
	return fmt.Errorf("%s: %w: it has other CA certificates than the cluster", j.Layout.CA(), ErrForeign)
}

// within reports whether each certificate of a is in b.
func within(a, b []*x509.Certificate) bool {
	return !slices.ContainsFunc(a, func(cert *x509.Certificate) bool { return !slices.ContainsFunc(b, cert.Equal) })
}

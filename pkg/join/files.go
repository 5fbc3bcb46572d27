package join

import (
	"bytes"
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

// writeFiles writes the files as the kubelet would. The kubeconfig is written last, so that
// if it exists the others do, and only then is the pending key removed.
func writeFiles(l Layout, id identity) error {
	keyText, err := csr.EncodeKey(id.Key)
	if err != nil {
		return err
	}
	current, err := filepath.Rel(filepath.Dir(l.Kubeconfig()), l.Current())
	if err != nil {
		return err
	}
	kubeconfig, err := clusterinfo.Kubeconfig(id.Server, id.Roots, current)
	if err != nil {
		return err
	}
	pair := l.pair(id.leaf.NotBefore)
	chain := append(bytes.TrimSpace(id.Chain), '\n')
	if err := durable.WriteFile(pair, append(chain, keyText...), 0o600); err != nil {
		return err
	}
	if err := durable.Symlink(filepath.Base(pair), l.Current()); err != nil {
		return err
	}
	if err := durable.WriteFile(l.CA(), certpem.Encode(id.Roots...), 0o644); err != nil {
		return err
	}
	if err := durable.WriteFile(l.Kubeconfig(), kubeconfig, 0o600); err != nil {
		return err
	}
	return os.Remove(l.pendingKey())
}

// repair completes what an interrupted join, or a kubelet, has left undone: the CA file, a
// pending key that has its certificate, file modes. It returns the files; in a dry run it
// changes nothing.
func (j *joiner) repair(id identity) (repaired []string, err error) {
	ca, pendingKey := j.Layout.CA(), j.Layout.pendingKey()
	bundle, err := j.caFile()
	if err != nil {
		return nil, err
	}
	lacking := !within(id.Roots, bundle)
	if lacking && len(bundle) > 0 && !j.Force {
		return nil, fmt.Errorf("%s: %w: it lacks a CA certificate that is in %s", ca, ErrForeign, j.Layout.Kubeconfig())
	}
	pair, err := j.Layout.currentPair()
	if err != nil {
		return nil, err
	}
	fix := func(path string, do func() error) {
		repaired = append(repaired, path)
		if err == nil && !j.DryRun {
			err = do()
		}
	}
	if lacking {
		fix(ca, func() error { return durable.WriteFile(ca, certpem.Encode(id.Roots...), 0o644) })
	}
	waiting, _ := os.ReadFile(pendingKey)
	if key, err := csr.ParseKey(waiting); err == nil && csr.Fingerprint(key.Public()) == csr.Fingerprint(id.Key.Public()) {
		fix(pendingKey, func() error { return os.Remove(pendingKey) })
	}
	for _, path := range []string{j.Layout.Kubeconfig(), pair} {
		info, statErr := os.Lstat(path)
		if statErr != nil {
			return repaired, errors.Join(err, statErr)
		}
		if info.Mode().Perm()&0o077 != 0 {
			fix(path, func() error { return os.Chmod(path, 0o600) })
		}
	}
	return repaired, err
}

// caFile returns the CA certificates in the CA file, nil if the file does not exist.
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

// checkCAFile returns an error if a CA file exists that has other certificates. The file
// may also define who can call the kubelet, so it is replaced only with Force.
func (j *joiner) checkCAFile(roots []*x509.Certificate) error {
	bundle, err := j.caFile()
	if err != nil || bundle == nil || j.Force || within(roots, bundle) && within(bundle, roots) {
		return err
	}
	return fmt.Errorf("%s: %w: its CA certificates are not the cluster's", j.Layout.CA(), ErrForeign)
}

// within reports whether each certificate of a is in b.
func within(a, b []*x509.Certificate) bool {
	return !slices.ContainsFunc(a, func(cert *x509.Certificate) bool { return !slices.ContainsFunc(b, cert.Equal) })
}

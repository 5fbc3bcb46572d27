package join

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
)

// writeFiles leaves the files as the kubelet would. The kubeconfig comes last, so
// that where it stands the rest is there, and only then the pending key goes.
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

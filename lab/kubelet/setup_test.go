//go:build kubelet

package kubelet

import (
	"os"
	"path/filepath"
	"testing"
)

// A kubelet bootstraps by itself on a cluster that only setup prepared, with a token in
// kubeadm's group and with a token in another group.
func TestKubelet_BootstrapsAfterSetup(t *testing.T) {
	c := start(t)
	const other = "system:bootstrappers:nodes"
	c.run(t, "bootctl", "setup", "--group", other)
	for name, args := range map[string][]string{"kubelet-setup": nil, "kubelet-group": {"--groups", other}} {
		t.Run(name, func(t *testing.T) {
			token, root := filepath.Join(t.TempDir(), "token"), root(t)
			if err := os.WriteFile(token, []byte(c.run(t, "bootctl", append([]string{"token", "create"}, args...)...)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(root, 0o755); err != nil {
				t.Fatal(err)
			}
			n := node{name: name, root: root, rotate: true, clientCA: c.CAFile, args: c.bootstrapArgs(t, token)}
			n.kubelet(t)
			registered(t, c, name)
			if who := c.whoami(t, root); who != "system:node:"+name {
				t.Errorf("the node authenticates as %s", who)
			}
		})
	}
}

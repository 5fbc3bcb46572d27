//go:build kubelet

package kubelet

import (
	"os"
	"strings"
	"testing"
)

// registered waits until the kubelet has created its Node and written the Node's status.
func registered(t *testing.T, c cluster, name string) {
	t.Helper()
	eventually(t, "Node "+name, func() bool {
		out, err := c.Command("kubectl", "get", "node", name, "-o", "jsonpath={.status.nodeInfo.kubeletVersion}").Output()
		return err == nil && strings.HasPrefix(string(out), "v1.37")
	})
	t.Log(c.run(t, "kubectl", "get", "node", name))
}

// A kubelet starts from only the files that join wrote: from outside the directory
// tree, from inside it, and after the tree was moved.
func TestKubelet_StartsFromJoinedFiles(t *testing.T) {
	c := start(t)
	token := c.token(t)
	tests := []struct {
		name string
		node func(t *testing.T, root string) node
	}{
		{"outside", func(_ *testing.T, root string) node { return node{root: root} }},
		{"inside", func(_ *testing.T, root string) node { return node{root: root, chroot: root} }},
		{"moved", func(t *testing.T, root string) node {
			t.Helper()
			moved := root + "-moved"
			if err := os.Rename(root, moved); err != nil {
				t.Fatal(err)
			}
			return node{root: moved}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := root(t)
			name := "kubelet-" + test.name
			c.run(t, "bootctl", c.joinArgs(name, token, root)...)
			n := test.node(t, root)
			n.name, n.rotate = name, true
			n.kubelet(t)
			registered(t, c, name)
			if who := c.whoami(t, n.root); who != "system:node:"+name {
				t.Errorf("the node authenticates as %s", who)
			}
		})
	}
}

//go:build kubelet

package kubelet

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// bootstrapArgs returns the flags with which the kubelet bootstraps by itself.
func (c cluster) bootstrapArgs(t *testing.T, token string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bootstrap.conf")
	if err := c.WriteBootstrapKubeconfig(path, string(read(t, token))); err != nil {
		t.Fatal(err)
	}
	return []string{"--bootstrap-kubeconfig", path}
}

// pending waits for the node's pending CSR, which nobody approves, and returns its
// name.
func (c cluster) pending(t *testing.T, name string) string {
	t.Helper()
	eventually(t, "request", func() bool { return len(c.requests(t, name)) > 0 })
	return c.requests(t, name)[0]
}

// completed checks that one CSR and one key produced the node credentials in root.
func (c cluster) completed(t *testing.T, n node, request string, key []byte) {
	t.Helper()
	if got := c.requests(t, n.name); len(got) != 1 || got[0] != request {
		t.Errorf("CSRs %q, want only %s", got, request)
	}
	if !bytes.Contains(read(t, filepath.Join(n.root, currentFile)), bytes.TrimSpace(key)) {
		t.Error("the certificate's key differs from the CSR's")
	}
	if who := c.whoami(t, n.root); who != "system:node:"+n.name {
		t.Errorf("the node authenticates as %s", who)
	}
	t.Logf("one CSR, %s, produced the node credentials", request)
}

// Without certificate rotation, the kubelet keeps its key on disk and derives the CSR
// name from it. With rotation, both are only in its memory and lost when it exits.
func TestJoin_CompletesKubeletBootstrap(t *testing.T) {
	c := start(t, "csrapproving")
	token, root := c.token(t), root(t)
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	n := node{name: "kubelet-began", root: root, clientCA: c.CAFile, args: c.bootstrapArgs(t, token)}
	kill := n.kubelet(t)
	request := c.pending(t, n.name)
	kill()
	key := read(t, filepath.Join(root, pendingFile))

	join := c.Command("bootctl", c.joinArgs(n.name, token, root)...)
	var stderr bytes.Buffer
	join.Stderr = &stderr
	if err := join.Start(); err != nil {
		t.Fatal(err)
	}
	c.run(t, "bootctl", "csr", "approve", request)
	if err := join.Wait(); err != nil {
		t.Fatalf("join: %v\n%s", err, stderr.Bytes())
	}
	c.completed(t, n, request, key)
}

func TestKubelet_CompletesJoin(t *testing.T) {
	c := start(t, "csrapproving")
	token, root := c.token(t), root(t)
	n := node{name: "join-began", root: root, clientCA: c.CAFile, args: c.bootstrapArgs(t, token)}
	join := c.Command("bootctl", c.joinArgs(n.name, token, root)...)
	if err := join.Start(); err != nil {
		t.Fatal(err)
	}
	request := c.pending(t, n.name)
	if err := join.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = join.Wait() // it was killed
	key := read(t, filepath.Join(root, pendingFile))

	n.kubelet(t)
	c.run(t, "bootctl", "csr", "approve", request)
	registered(t, c, n.name)
	c.completed(t, n, request, key)
}

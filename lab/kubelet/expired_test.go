//go:build kubelet

package kubelet

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/pki"
)

// A node that was off until its certificate expired joins again, and its kubelet uses
// the same Node.
func TestKubelet_ExpiredCertificate(t *testing.T) {
	c := start(t)
	token, root := c.token(t), root(t)
	n := node{name: "kubelet-expired", root: root, rotate: true}
	c.run(t, "bootctl", c.joinArgs(n.name, token, root)...)
	kill := n.kubelet(t)
	registered(t, c, n.name)
	before := c.run(t, "kubectl", "get", "node", n.name, "-o", "jsonpath={.metadata.uid}")
	kill()

	ca, err := pki.LoadCA(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	const year = 365 * 24 * time.Hour
	expired, err := ca.Issue(pki.Leaf{CommonName: "system:node:" + n.name, Organization: []string{"system:nodes"}, Client: true}, time.Now().Add(-time.Minute-year))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, currentFile), append(expired.Cert, expired.Key...), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := c.Command("bootctl", "join", "--dry-run", "--rootfs", root).CombinedOutput(); err == nil {
		t.Fatalf("the certificate has not expired: %s", out)
	}
	if state := c.run(t, "bootctl", append(c.joinArgs(n.name, token, root), "-o", "jsonpath={.state}")...); state != "joined" {
		t.Errorf("join prints %q", state)
	}
	if err := os.RemoveAll(filepath.Join(root, "run")); err != nil { // the socket of the stopped runtime
		t.Fatal(err)
	}
	began := time.Now()
	n.kubelet(t)
	eventually(t, "new status of the Node", func() bool {
		out, err := c.Command("kubectl", "get", "node", n.name, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].lastHeartbeatTime}`).Output()
		at, parseErr := time.Parse(time.RFC3339, string(out))
		return err == nil && parseErr == nil && at.After(began.Add(-time.Second))
	})
	if after := c.run(t, "kubectl", "get", "node", n.name, "-o", "jsonpath={.metadata.uid}"); after != before {
		t.Errorf("the Node is different: %s, not %s", after, before)
	}
	if who := c.whoami(t, root); who != "system:node:"+n.name {
		t.Errorf("the node authenticates as %s", who)
	}
}

//go:build kubelet

package kubelet

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/pki"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// With a certificate that expires in two minutes, the kubelet requests the next one at
// once. join accepts the rotated files.
func TestKubelet_RotatesJoinedCertificate(t *testing.T) {
	c := start(t)
	token, root := c.token(t), root(t)
	n := node{name: "kubelet-rotates", root: root, rotate: true}
	c.run(t, "bootctl", c.joinArgs(n.name, token, root)...)
	current := filepath.Join(root, currentFile)
	ca, err := pki.LoadCA(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	const year = 365 * 24 * time.Hour
	short, err := ca.Issue(pki.Leaf{CommonName: "system:node:" + n.name, Organization: []string{"system:nodes"}, Client: true}, time.Now().Add(2*time.Minute-year))
	if err != nil {
		t.Fatal(err)
	}
	shortText := append(short.Cert, short.Key...)
	if err := os.WriteFile(current, shortText, 0o600); err != nil {
		t.Fatal(err)
	}
	conf, bundle := read(t, filepath.Join(root, kubeconfigFile)), read(t, filepath.Join(root, caFile))

	n.kubelet(t)
	registered(t, c, n.name)
	eventually(t, "rotation", func() bool { return !bytes.Equal(read(t, current), shortText) })

	for path, want := range map[string][]byte{kubeconfigFile: conf, caFile: bundle} {
		if !bytes.Equal(read(t, filepath.Join(root, path)), want) {
			t.Errorf("%s was changed", path)
		}
	}
	if info, err := os.Stat(current); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the certificate has mode %v, %v", info.Mode(), err)
	}
	out := c.run(t, "bootctl", append(c.joinArgs(n.name, token, root), "-o", "jsonpath={.state} {.username} until {.notAfter}")...)
	t.Logf("join printed: %s", out)
	if !strings.HasPrefix(out, "already-joined system:node:"+n.name+" ") {
		t.Errorf("join does not accept the rotated files")
	}
	if got := c.requests(t, n.name); len(got) != 2 {
		t.Errorf("CSRs %q, want one from join and one from the kubelet", got)
	}
}

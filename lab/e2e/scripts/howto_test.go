package scripts

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/labtest"
)

// howTo runs the commands of the pages in docs/howto.
type howTo struct {
	labtest.Admin
	dir string
	env []string // variables that the pages use
}

// TestHowTo runs every sh block of every page in docs/howto, in the order of the page.
// Blocks that need a kubelet, ssh or root are console blocks, which are not run.
func TestHowTo(t *testing.T) {
	t.Parallel()
	labtest.RequireTools(t, "dash")
	labtest.RequireTools(t, "jq")
	admin := labtest.NewAdmin(t)
	dir := t.TempDir()
	newCA := filepath.Join(dir, "new-ca.crt")
	if err := os.WriteFile(newCA, certpem.Encode(testca.New(t, time.Now()).Certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "doctor.yaml"), []byte(readManifest(t, "Doctor")), 0o600); err != nil {
		t.Fatal(err)
	}
	h := howTo{admin, dir, []string{
		"ENDPOINT=" + admin.Server.URL(), "NODE=worker-7", "ADDRESS=192.0.2.7", "ROOT=" + filepath.Join(dir, "root"),
		"CLUSTER_DNS=192.0.2.53", "NEW_CA=" + newCA, "NAME=jane", "GROUP=dev",
	}}
	join := readBlocks(t, "howto/join-a-node.md")
	undo := len(join) - 1
	h.run(t, join[:undo]...)
	h.run(t, readBlocks(t, "howto/start-the-kubelet.md")...)
	h.createNode(t)
	h.run(t, readBlocks(t, "howto/serving-certificates.md")...)
	h.run(t, join[undo])
	for _, page := range []string{"bake-an-image", "monitor-with-doctor", "user-certificate", "change-address-or-ca", "use-in-ci"} {
		h.run(t, readBlocks(t, "howto/"+page+".md")...)
	}
	h.approve(t)
	pages, err := filepath.Glob(filepath.Join(labtest.Root(t), "docs", "howto", "*.md"))
	if err != nil || len(pages) != 9 {
		t.Errorf("docs/howto has %d pages, and the test runs 9 (%v)", len(pages), err)
	}
}

// run runs the blocks one after another. Each must succeed.
func (h howTo) run(t *testing.T, blocks ...codeBlock) {
	t.Helper()
	if len(blocks) == 0 {
		t.Fatal("the page has no sh block")
	}
	for _, block := range blocks {
		if code, stdout, stderr := labtest.RunCommand(t, dashCommand(h.Admin, h.dir, block.text, h.env...)); code != 0 {
			t.Fatalf("%s\n%s: exit code %d\n%s%s", block.heading, block.text, code, stdout, stderr)
		}
	}
}

// createNode creates the Node object that a kubelet would create, with the credentials of
// the node.
func (h howTo) createNode(t *testing.T) {
	t.Helper()
	h.run(t, codeBlock{"the kubelet's Node", `kubectl --kubeconfig "$ROOT/etc/kubernetes/kubelet.conf" create -f - <<END
{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "$NODE"}, "status": {"addresses": [
  {"type": "Hostname", "address": "$NODE"}, {"type": "InternalIP", "address": "$ADDRESS"}]}}
END`})
}

// approve runs the page about approval: the join of its second block waits until the
// fingerprint that it prints is approved.
func (h howTo) approve(t *testing.T) {
	t.Helper()
	blocks := readBlocks(t, "howto/approve-nodes.md")
	h.run(t, codeBlock{"a bootstrap kubeconfig", "umask 077; bootctl token create --ttl 15m --wait -o bootstrap-kubeconfig >bootstrap.conf"}, blocks[0])
	h.env = append(h.env, "NODE=worker-8")
	join := dashCommand(h.Admin, h.dir, blocks[1].text, h.env...)
	path := filepath.Join(h.dir, "join.stderr")
	output, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	join.Stderr = output
	if err := join.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(labtest.Hang, func() { _ = join.Process.Kill() }).Stop()
	fingerprint := regexp.MustCompile(`in groups: ([0-9a-f ]{24})`)
	var shown [][]byte
	for begin := time.Now(); shown == nil && time.Since(begin) < labtest.Hang; time.Sleep(50 * time.Millisecond) {
		shown = fingerprint.FindSubmatch(labtest.ReadFile(t, path))
	}
	if shown == nil {
		t.Fatalf("join printed no fingerprint\n%s", labtest.ReadFile(t, path))
	}
	h.env = append(h.env, "FINGERPRINT="+string(shown[1]))
	h.run(t, blocks[2:4]...)
	if err := join.Wait(); err != nil {
		t.Fatalf("join: %v\n%s", err, labtest.ReadFile(t, path))
	}
	h.run(t, blocks[4:]...)
}

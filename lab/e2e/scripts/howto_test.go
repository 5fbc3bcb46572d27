package scripts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/labtest"
)

// runHowTos runs the pages in docs/howto, in an order in which each finds the objects that it
// needs.
func runHowTos(t *testing.T, pages map[string]*page) {
	t.Helper()
	server := labtest.NewAdmin(t).Server
	r := newReader(t, server)
	newCA := certpem.Encode(testca.New(t, time.Now()).Certificate)
	if err := os.WriteFile(filepath.Join(r.dir, "new-ca.crt"), newCA, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "doctor.yaml"), []byte(readManifest(t, "Doctor")), 0o600); err != nil {
		t.Fatal(err)
	}
	r.mustRun(t, "kubectl create service clusterip kube-dns --namespace kube-system --tcp 53")
	open := func(name string) *page {
		r.vars = ""
		r.mustRun(t, "kubectl delete csr --all")
		return pages["docs/howto/"+name+".md"]
	}
	r.joinAndServe(t, open)
	for _, name := range []string{"bake-an-image", "monitor-with-doctor", "user-certificate", "use-in-ci"} {
		r.follow(t, open(name).blocks...)
	}
	change := open("change-address-or-ca")
	r.follow(t, change.blocks[:4]...)
	r.follow(t, change.blocks[5:]...) // all but the one that asks
	r.approveByHand(t, server, open("approve-nodes"))
}

// joinAndServe runs the pages that follow each other for one node, and then undoes the join.
func (r *reader) joinAndServe(t *testing.T, open func(string) *page) {
	t.Helper()
	join := open("join-a-node")
	r.follow(t, join.blocks[:3]...)
	joined := r.follow(t, join.blocks[3])
	join.quotes(t, "state joined", joined)
	join.quotes(t, "authenticates as system:node:worker-7", joined)
	r.follow(t, join.blocks[4])
	join.quotes(t, "unchanged", r.mustRun(t, "bootctl setup --dry-run"))

	start := open("start-the-kubelet")
	r.follow(t, start.blocks[:2]...)
	r.mustRun(t, "systemctl enable --now kubelet")

	serve := open("serving-certificates")
	r.follow(t, serve.blocks[0])
	serve.quotes(t, "Approved,Issued", r.follow(t, serve.blocks[2:]...))
	r.follow(t, join.blocks[5])
}

// approveByHand runs the page about approval. Its join waits until the fingerprint that it
// prints is approved.
func (r *reader) approveByHand(t *testing.T, server *labtest.Server, p *page) {
	t.Helper()
	r.mustRun(t, "umask 077; bootctl token create --ttl 15m --wait -o bootstrap-kubeconfig >bootstrap.conf")
	r.follow(t, p.blocks[:2]...)
	end := r.followApproval(t, p.blocks[2])
	r.follow(t, p.blocks[3])
	const fingerprint = "FINGERPRINT='1ca7 5fa8 9b73 c7b5 4839'"
	p.quotes(t, fingerprint, fingerprint)
	r.vars += fingerprint + "\n"
	r.follow(t, p.blocks[4])
	end()
	r.follow(t, p.blocks[5])

	name := strings.TrimSpace(r.mustRun(t, `umask 077; bootctl token create --wait -o bootstrap-kubeconfig >worker-8.conf
		bootctl csr submit --kubeconfig worker-8.conf --node worker-8 --key worker-8.key`))
	r.real = append([]string{"node-csr-4eJ2…", name}, r.real...)
	r.follow(t, p.below(t, "Refuse a node", 1)...)

	if err := server.SubmitNodes(t.Context(), "many", 3); err != nil {
		t.Fatal(err)
	}
	r.follow(t, p.below(t, "Approve many nodes at once", 2)...)
	if pending := r.mustRun(t, "bootctl csr list --pending -q"); pending != "" {
		t.Errorf("after the approval of many, these are pending: %q", pending)
	}
	r.follow(t, p.below(t, "Undo", 1)...)
}

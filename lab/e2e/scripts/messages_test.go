package scripts

import (
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

// TestMessages checks the messages of kubeadm and bootctl that docs/troubleshooting.md quotes.
// The kubelet's are checked next to the tests of the kubelet.
func TestMessages(t *testing.T) {
	labtest.CheckMessages(t, "kubeadm join", "kubeadm")
	labtest.CheckMessages(t, "bootctl join", "bootctl")
}

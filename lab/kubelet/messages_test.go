//go:build kubelet

package kubelet

import (
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

// TestMessages checks the messages of the kubelet that docs/troubleshooting.md quotes.
func TestMessages(t *testing.T) { labtest.CheckMessages(t, "kubelet", "kubelet") }

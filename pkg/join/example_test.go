package join_test

import (
	"fmt"

	"github.com/bootctl/bootctl/pkg/join"
)

// The files have the kubelet's paths, below any root.
func ExampleRootFS() {
	layout := join.RootFS("/mnt/image")
	fmt.Println(layout.Kubeconfig())
	fmt.Println(layout.Current())
	fmt.Println(layout.CA())
	// Output:
	// /mnt/image/etc/kubernetes/kubelet.conf
	// /mnt/image/var/lib/kubelet/pki/kubelet-client-current.pem
	// /mnt/image/etc/kubernetes/pki/ca.crt
}

package join_test

import (
	"fmt"

	"github.com/bootctl/bootctl/pkg/join"
)

// The files of a node are those of the kubelet, below any root.
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

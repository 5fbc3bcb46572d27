package setup_test

import (
	"fmt"

	"github.com/bootctl/bootctl/pkg/setup"
)

// The objects that let tokens of a group other than kubeadm's join nodes.
func ExampleObjects() {
	options := setup.Options{Group: "system:bootstrappers:nodes", Approval: setup.AutoApproveNone}
	for _, object := range setup.Objects(options) {
		if !object.Unwanted {
			fmt.Println(object)
		}
	}
	// Output:
	// Role kube-public/bootctl:bootstrap-signer-clusterinfo:system:bootstrappers:nodes
	// RoleBinding kube-public/bootctl:bootstrap-signer-clusterinfo:system:bootstrappers:nodes
	// ClusterRole bootctl:get-nodes:system:bootstrappers:nodes
	// ClusterRoleBinding bootctl:get-nodes:system:bootstrappers:nodes
	// ClusterRoleBinding bootctl:kubelet-bootstrap:system:bootstrappers:nodes
	// ClusterRoleBinding bootctl:node-autoapprove-certificate-rotation:system:bootstrappers:nodes
}

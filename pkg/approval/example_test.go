package approval_test

import (
	"crypto/rand"
	"fmt"

	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// A node's CSR, evaluated as an approver does before it is submitted.
func ExampleCheck() {
	key, err := csr.GenerateKey(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	object, err := csr.NewNodeRequest("worker-1", key, rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	object.Spec.Username = "system:bootstrap:abcdef" // the API server sets these fields
	object.Spec.Groups = []string{"system:bootstrappers", "system:authenticated"}
	request := csr.Decode(object)
	fmt.Println(request.Subject(), "for", request.SignerName)
	fmt.Println("approvable:", len(approval.Violations(approval.Check(request, approval.Facts{}))) == 0)
	for _, violation := range approval.Violations(approval.Check(request, approval.Facts{NodeExists: true})) {
		fmt.Printf("if the Node exists: %s: %s\n", violation.Rule, violation.Message)
	}
	// Output:
	// CN=system:node:worker-1,O=system:nodes for kubernetes.io/kube-apiserver-client-kubelet
	// approvable: true
	// if the Node exists: new node: a Node with this name exists
}

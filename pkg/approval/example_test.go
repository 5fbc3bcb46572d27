package approval_test

import (
	"crypto/rand"
	"fmt"

	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// The request of a node, judged as an approver does before the API server has it.
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
	object.Spec.Username = "system:bootstrap:abcdef" // which the API server sets
	object.Spec.Groups = []string{"system:bootstrappers", "system:authenticated"}
	request := csr.Decode(object)
	fmt.Println(request.Subject(), "for", request.SignerName)
	fmt.Println("fit:", len(approval.Violations(approval.Check(request, approval.Facts{}))) == 0)
	for _, refusal := range approval.Violations(approval.Check(request, approval.Facts{NodeExists: true})) {
		fmt.Printf("where the node is there already: %s: %s\n", refusal.Rule, refusal.Message)
	}
	// Output:
	// CN=system:node:worker-1,O=system:nodes for kubernetes.io/kube-apiserver-client-kubelet
	// fit: true
	// where the node is there already: new node: a Node of this name exists
}

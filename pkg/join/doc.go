// Package join joins a machine to a cluster: it discovers the cluster with an address and
// a bootstrap token, creates a key and a CSR, and writes the certificate and the kubelet's
// files.
//
// [Run] is the whole workflow; a [Layout] has the paths of its files. With an address, a
// token and a pin, a program calls it like this:
//
//	endpoint, err := clusterinfo.ParseEndpoint("192.0.2.1:6443")
//	tok, err := token.Parse(text)
//	pin, err := clusterinfo.ParsePin("sha256:...")
//	result, err := join.Run(ctx, join.Options{NodeName: "worker-1", Layout: join.RootFS("/"), Discovery: discovery.Options{
//		Endpoints: []clusterinfo.Endpoint{endpoint}, Token: tok, Trust: discovery.Trust{Pins: []clusterinfo.Pin{pin}},
//	}})
//
// The cluster is discovered, or a [File] has its address, CA and credential. The state of a
// join is the key on disk and the name of the CSR, which is derived from the key. So the
// same call completes a join that was interrupted at any point, and on a node that has
// already joined it only checks the node credentials. The token is written to no file.
//
// Source: Kubernetes documentation, "TLS bootstrapping"; the kubelet's files.
package join

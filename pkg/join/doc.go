// Package join takes a machine with an address and a bootstrap token to the
// identity of a node: discovery, key, request, certificate, files.
//
// [Run] is the whole workflow; a [Layout] says where its files go. A program that knows
// an address, a token and a pin calls it so:
//
//	endpoint, err := clusterinfo.ParseEndpoint("192.0.2.1:6443")
//	tok, err := token.Parse(text)
//	pin, err := clusterinfo.ParsePin("sha256:...")
//	result, err := join.Run(ctx, join.Options{NodeName: "worker-1", Layout: join.RootFS("/"), Discovery: discovery.Options{
//		Endpoints: []clusterinfo.Endpoint{endpoint}, Token: tok, Trust: discovery.Trust{Pins: []clusterinfo.Pin{pin}},
//	}})
//
// The cluster is
// discovered, or a [File] names it and who asks. The state of a join is the key on
// disk and the name of the request, which follows from the key; so after a death at
// any moment the same call completes, and where an identity stands it only checks
// that. The token is written to no file.
//
// Source: Kubernetes documentation, "TLS bootstrapping"; the kubelet's files.
package join

// Package setup prepares a cluster so that nodes can join it, and takes that back:
// the RBAC that lets bootstrap tokens ask for certificates and anonymous requests
// read cluster-info, and cluster-info itself.
//
// [Objects] is that RBAC as data, [Inspect] says how it stands in a cluster, and
// [Setup] brings it there: it looks at everything, lets the API server judge every
// change, and only then makes them. What is there and grants something else is
// left alone unless that is forced. [Manifests] is the same for tools that bring
// manifests into a cluster.
//
// Source: Kubernetes documentation, "TLS bootstrapping"; kubeadm's
// implementation details.
package setup

// Package setup prepares a cluster so that nodes can join it, and reverts that: the
// RBAC that lets bootstrap tokens request certificates and anonymous requests read
// cluster-info, and cluster-info itself.
//
// [Objects] returns that RBAC as data, [Inspect] compares it with a cluster, and [Setup]
// applies it: it reads everything, lets the API server validate every change with a dry
// run, and only then makes the changes. Existing objects that grant something different
// are changed only with Force. [Manifests] returns the same objects for tools that apply
// manifests.
//
// Source: Kubernetes documentation, "TLS bootstrapping"; kubeadm's
// implementation details.
package setup

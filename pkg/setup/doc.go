// Package setup prepares a cluster so that nodes can join it: the RBAC that
// lets bootstrap tokens ask for certificates and anonymous requests read
// cluster-info, under kubeadm's names.
//
// [Objects] is that RBAC as data; [Apply] brings it into a cluster without ever
// changing an object that grants something else. Publishing cluster-info itself
// is package clusterinfo's work.
//
// Source: Kubernetes documentation, "TLS bootstrapping"; kubeadm's
// implementation details.
package setup

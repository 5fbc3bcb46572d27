// Package clusterinfo reads, writes and verifies the ConfigMap
// kube-public/cluster-info, from which a node discovers the address of its cluster
// and the CA to trust.
//
// The ConfigMap holds a kubeconfig with one cluster and no user ([Document]), and a
// detached signature of it for each signing token ([Sign], [Verify]). A [Pin] is the
// digest of a CA's public key, which a node receives with its token.
//
// A [Writer] publishes and signs cluster-info for an administrator. [Kubeconfig] is
// the only writer of kubeconfigs. Package discovery reads the ConfigMap for a node.
//
// Formats: Kubernetes documentation, "ConfigMap Signing"; RFC 7515 (JWS),
// appendix F (detached content); RFC 7469, section 2.4 (public key pins).
package clusterinfo

// Package clusterinfo reads, writes and verifies the ConfigMap
// kube-public/cluster-info, from which a node learns where its cluster is and
// which CA to trust.
//
// The ConfigMap holds a kubeconfig with one cluster and no user ([Document]),
// and one detached signature of it for each signing token ([Sign], [Verify]). A
// [Pin] is the digest of a CA's public key, handed to a node with its token.
//
// A [Writer] is what an administrator does. [Kubeconfig] is the only writer of
// kubeconfigs. What a node does with the ConfigMap is in package discovery.
//
// Formats: Kubernetes documentation, "ConfigMap Signing"; RFC 7515 (JWS),
// appendix F (detached content); RFC 7469, section 2.4 (public key pins).
package clusterinfo

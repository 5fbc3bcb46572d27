// Package discovery is what a node does with the ConfigMap cluster-info: it reads and
// verifies it, and finds out which cluster it belongs to before a token is sent.
//
// [Discover] makes one attempt: it reads cluster-info over a connection that nothing
// verifies yet, checks the signature, keeps the CA certificates whose keys are pinned,
// and reads it again over a connection that they verify. [Identify] asks a verified
// API server who a token is. A [Clock] explains certificate errors by a clock that
// differs from the server's.
//
// Source: kubeadm design, "Discovery cluster-info"; Kubernetes documentation,
// "Authenticating with Bootstrap Tokens".
package discovery

// Package discovery implements what a node does with the ConfigMap cluster-info: it
// reads and verifies cluster-info, and identifies the cluster before it sends a token.
//
// [Discover] makes one attempt: it reads cluster-info over an unverified connection,
// checks the signature, keeps the CA certificates whose keys are pinned, and reads
// cluster-info again over a connection that they verify. [Identify] asks a verified API
// server for the user of a token. A [Clock] detects certificate errors that are caused
// by a difference between this machine's clock and the server's.
//
// Source: kubeadm design, "Discovery cluster-info"; Kubernetes documentation,
// "Authenticating with Bootstrap Tokens".
package discovery

// Package token makes, reads and keeps bootstrap tokens.
//
// A bootstrap token is "ID.SECRET": six characters that name it and sixteen
// that prove it, all of a-z and 0-9. A cluster keeps it as a Secret of type
// bootstrap.kubernetes.io/token in kube-system. [Parse] and [Generate] make a
// [Token]; [Spec] and [Info] are what its Secret says; [Create], [Get], [List],
// [Extend] and [Delete] keep it; [Info.Evaluate] says what Kubernetes does with it.
//
// The package does not sign with tokens; see package clusterinfo.
//
// Format: Kubernetes documentation, "Authenticating with Bootstrap Tokens".
package token

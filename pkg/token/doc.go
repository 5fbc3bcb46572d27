// Package token creates, reads and manages bootstrap tokens.
//
// A bootstrap token is "ID.SECRET": a public ID of six characters and a secret of
// sixteen, all of a-z and 0-9. A cluster stores it as a Secret of type
// bootstrap.kubernetes.io/token in kube-system. [Parse] and [Generate] return a
// [Token]; [Spec] and [Info] describe its Secret; [Create], [Get], [List], [Extend] and
// [Delete] access the cluster; [Info.Evaluate] predicts how Kubernetes treats a token.
//
// The package does not sign with tokens; see package clusterinfo.
//
// Format: Kubernetes documentation, "Authenticating with Bootstrap Tokens".
package token

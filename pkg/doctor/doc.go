// Package doctor says whether nodes can join a cluster, and if not, why not.
//
// It diagnoses nothing itself: each check asks a function that the other commands
// also use, and turns the answer into a [Finding] with its evidence and the one
// command that mends it.
//
// Source: Kubernetes documentation, "TLS bootstrapping" and "Authenticating with
// bootstrap tokens".
package doctor

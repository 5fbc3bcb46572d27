// Package doctor reports whether nodes can join a cluster, and if not, why not.
//
// There are three lists of checks: those of a [Cluster], seen by its administrator,
// those of a [Node], which has nothing but what a node has, and those of a [Probe],
// which performs a complete join. A check asks the functions that the other commands
// use, or what only doctor needs and this package has, and returns each [Finding] with
// its evidence and the one command that fixes it.
//
// Source: Kubernetes documentation, "TLS bootstrapping" and "Authenticating with
// bootstrap tokens".
package doctor

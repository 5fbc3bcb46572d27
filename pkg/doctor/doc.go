// Package doctor reports whether nodes can join a cluster, and if not, why not.
//
// It has three lists of checks: a [Cluster] is checked with an administrator's
// credentials, a [Node] with what a node has, and a [Probe] performs a complete join. A
// check calls the functions that the other commands use, or functions of this package
// that no other command needs. It returns each [Finding] with its message and the one
// command that fixes it.
//
// Source: Kubernetes documentation, "TLS bootstrapping" and "Authenticating with
// bootstrap tokens".
package doctor

// Package kubeclient is the only place that builds Kubernetes clients.
//
// Every client has one connection policy: TLS 1.2 or later, no redirect is
// followed (client-go would send the bearer token again), headers and bodies
// are capped, a dead HTTP/2 connection is noticed in seconds, requests are not
// throttled on this side, and protobuf is spoken. [Until] is the only place
// that waits.
package kubeclient

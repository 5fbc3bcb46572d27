// Package kubeclient is the only place that builds Kubernetes clients.
//
// All clients have the same connection policy: TLS 1.2 or later, redirects are refused
// (client-go would send the bearer token again), headers and bodies are limited, a dead
// HTTP/2 connection is detected within seconds, requests are not throttled on the
// client side, and protobuf is preferred. [Until] is the only place that waits.
package kubeclient

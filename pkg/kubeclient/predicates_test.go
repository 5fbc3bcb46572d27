package kubeclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Each error is checked both bare and wrapped, as callers pass it on.
func TestPredicates_WrappedErrors(t *testing.T) {
	get := func(err error) error { return &url.Error{Op: "Get", URL: "https://127.0.0.1", Err: err} }
	nodes := schema.GroupResource{Resource: "nodes"}
	tests := []struct {
		name                              string
		err                               error
		unreachable, untrusted, transient bool
	}{
		{"dial", &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, true, false, true},
		{"name", get(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}), true, false, true},
		{"timeout", get(os.ErrDeadlineExceeded), true, false, true},
		{"reset", get(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), true, false, true},
		{"end", get(io.EOF), true, false, true},
		{"not TLS", get(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), true, false, false},
		{"alert", tls.AlertError(40), true, false, true},
		{"bare deadline", context.DeadlineExceeded, true, false, true},
		{"bare EOF", io.EOF, false, false, false},
		{"unknown CA", x509.UnknownAuthorityError{}, false, true, false},
		{"expired", get(x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{}}), false, true, false},
		{"other name", get(x509.HostnameError{Host: "a", Certificate: &x509.Certificate{}}), false, true, false},
		{"too large", get(kubeclient.ErrTooLarge), false, false, false},
		{"bare redirect", kubeclient.ErrRedirect, false, false, false},
		{"no space left", &fs.PathError{Op: "write", Err: syscall.ENOSPC}, false, false, false},
		{"no such directory", &fs.PathError{Op: "mkdir", Err: syscall.ENOTDIR}, false, false, false},
		{"cross-device link", &os.LinkError{Op: "rename", Err: syscall.EXDEV}, false, false, false},
		{"interrupted file", &fs.PathError{Op: "read", Err: syscall.ETIMEDOUT}, false, false, false},
		{"other error", errFinal, false, false, false},
		{"unauthorized", apierrors.NewUnauthorized("x"), false, false, false},
		{"not found", apierrors.NewNotFound(nodes, "x"), false, false, false},
		{"conflict", apierrors.NewConflict(nodes, "x", errFinal), false, false, false},
		{"bad request", apierrors.NewBadRequest("x"), false, false, false},
		{"server timeout", apierrors.NewServerTimeout(nodes, "get", 1), false, false, true},
		{"gateway timeout", apierrors.NewTimeoutError("x", 1), false, false, true},
		{"not available", apierrors.NewServiceUnavailable("x"), false, false, true},
		{"credential plugin", get(errors.New("getting credentials: exec: executable false failed with exit code 1")), false, false, false},
		{"joined errors", errors.Join(errFinal, get(io.EOF)), true, false, true},
	}
	for _, test := range tests {
		for form, err := range map[string]error{"bare": test.err, "wrapped": fmt.Errorf("get configmap: %w", test.err)} {
			t.Run(test.name+" "+form, func(t *testing.T) {
				if got := kubeclient.IsUnreachable(err); got != test.unreachable {
					t.Errorf("unreachable: %v, want %v", got, test.unreachable)
				}
				if got := kubeclient.IsUntrusted(err); got != test.untrusted {
					t.Errorf("untrusted: %v, want %v", got, test.untrusted)
				}
				if got := kubeclient.IsTransient(err); got != test.transient {
					t.Errorf("transient: %v, want %v", got, test.transient)
				}
			})
		}
	}
}

// The messages are copied from a real API server.
func TestIsForbiddenByRBAC(t *testing.T) {
	requests := schema.GroupResource{Group: "certificates.k8s.io", Resource: "certificatesigningrequests"}
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"nothing", nil, false},
		{"authorizer", apierrors.NewForbidden(requests, "x", errors.New(`User "system:bootstrap:abcdef" cannot get resource "certificatesigningrequests" in API group "certificates.k8s.io" at the cluster scope`)), true},
		{"authorizer, wrapped", fmt.Errorf("get: %w", apierrors.NewForbidden(requests, "x", errors.New(`User "a" cannot get resource "b"`))), true},
		{"admission", apierrors.NewForbidden(requests, "x", errors.New(`user not permitted to approve requests with signerName "kubernetes.io/kubelet-serving"`)), false},
		{"other status", apierrors.NewBadRequest("user cannot do this"), false},
		{"no status", errors.New("a cannot b"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := kubeclient.IsForbiddenByRBAC(test.err); got != test.want {
				t.Errorf("forbidden by RBAC: %v, want %v", got, test.want)
			}
		})
	}
}

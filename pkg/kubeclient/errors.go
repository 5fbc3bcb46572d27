package kubeclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// IsUntrusted says whether err is the TLS certificate of the server not being
// good for the address or not being signed by a trusted CA.
func IsUntrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification) || isX509(err)
}

func isX509(err error) bool {
	var (
		unknown  x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		hostname x509.HostnameError
	)
	return errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &hostname)
}

// IsCredentialPlugin says whether err is the program that the kubeconfig names for
// its credentials, which failed; no request was sent.
func IsCredentialPlugin(err error) bool {
	return err != nil && strings.Contains(err.Error(), "getting credentials: exec") // client-go has no type for it
}

// IsUnreachable says whether err is a request that got no answer from an API
// server, for another reason than an untrusted certificate.
func IsUnreachable(err error) bool {
	var (
		status apierrors.APIStatus
		file   *fs.PathError // its cause, a system call's error, passes for a network's
		link   *os.LinkError
	)
	if err == nil || IsUntrusted(err) || IsCredentialPlugin(err) || errors.Is(err, ErrRedirect) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNotAPIServer) ||
		errors.As(err, &status) || errors.As(err, &file) || errors.As(err, &link) {
		return false
	}
	var (
		netErr net.Error
		urlErr *url.Error
		record tls.RecordHeaderError
		alert  tls.AlertError
		broken *brokenError
	)
	return errors.As(err, &broken) || errors.As(err, &netErr) || errors.As(err, &urlErr) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// IsServerError says whether err is an API server that answers but cannot serve: it has
// too many requests, is starting or ending, or does not reach its storage.
func IsServerError(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
}

// IsTransient says whether the same request may succeed later without anyone
// mending anything: no answer, too many requests, or trouble in the server. What
// does not speak TLS, or is a proxy that says no, will say the same again.
func IsTransient(err error) bool {
	if IsServerError(err) {
		return true
	}
	var (
		proxy *ProxyError
		plain tls.RecordHeaderError
	)
	if errors.As(err, &proxy) && proxy.isFinal() || errors.As(err, &plain) || errors.Is(err, http.ErrSchemeMismatch) {
		return false
	}
	return IsUnreachable(err)
}

// TolerateAuthErrors is transient where an API server may refuse two times in a row: one that
// has just started answers before it knows its tokens and roles.
func TolerateAuthErrors(transient func(error) bool) func(error) bool {
	refusals := 0
	return func(err error) bool {
		if !apierrors.IsUnauthorized(err) && !apierrors.IsForbidden(err) {
			refusals = 0
			return transient(err)
		}
		refusals++
		return refusals < 3
	}
}

// IsForbiddenByRBAC says whether err is the authorizer's no, or that nobody may
// grant more than he has, as opposed to a no of admission, which has the same
// status code but speaks of the object.
func IsForbiddenByRBAC(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsForbidden(err) || !errors.As(err, &status) {
		return false
	}
	message := status.Status().Message
	return strings.Contains(message, " cannot ") || strings.Contains(message, " is attempting to grant RBAC permissions not currently held")
}

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

// is reports whether err is, or wraps, an error of type T.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// IsUntrusted reports whether the server's TLS certificate is not valid for the address
// or not signed by a trusted CA.
func IsUntrusted(err error) bool {
	return is[*tls.CertificateVerificationError](err) ||
		is[x509.UnknownAuthorityError](err) || is[x509.CertificateInvalidError](err) || is[x509.HostnameError](err)
}

// IsCredentialPlugin reports whether the credential plugin of the kubeconfig failed, so
// that no request was sent.
func IsCredentialPlugin(err error) bool {
	return err != nil && strings.Contains(err.Error(), "getting credentials: exec") // client-go has no type for it
}

// IsUnreachable reports whether a request got no response from an API server, for a
// reason other than an untrusted certificate.
func IsUnreachable(err error) bool {
	switch {
	case IsUntrusted(err), IsCredentialPlugin(err), is[apiStatus](err):
		return false
	case errors.Is(err, ErrRedirect), errors.Is(err, ErrTooLarge), errors.Is(err, ErrNotAPIServer):
		return false
	case is[*fs.PathError](err), is[*os.LinkError](err): // their cause, a syscall.Errno, is a net.Error
		return false
	}
	return is[*brokenError](err) || is[net.Error](err) || is[*url.Error](err) || is[tls.RecordHeaderError](err) || is[tls.AlertError](err) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// apiStatus is an error that an API server returned.
type apiStatus interface {
	error
	apierrors.APIStatus
}

// IsServerError reports whether an API server responds but cannot serve the request: it
// has too many requests, is starting or stopping, or cannot reach etcd.
func IsServerError(err error) bool {
	status, ok := errors.AsType[apiStatus](err)
	return ok && isOverloaded(int(status.Status().Code))
}

// isOverloaded reports whether a status means that the server cannot serve requests now.
func isOverloaded(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// IsTransient reports whether the same request may succeed later without a fix: there was
// no response, or the server has too many requests or an internal error. A server that does not use TLS, or a
// proxy that refuses the connection, will do so again.
func IsTransient(err error) bool {
	proxy, isProxy := errors.AsType[*ProxyError](err)
	switch {
	case IsServerError(err):
		return true
	case isProxy && proxy.isFinal(), is[tls.RecordHeaderError](err), errors.Is(err, http.ErrSchemeMismatch):
		return false
	}
	return IsUnreachable(err)
}

// TolerateAuthErrors returns transient, extended to accept two authentication or
// authorization errors in a row: an API server that has just started responds before it
// has loaded its tokens and roles.
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

// IsConflict reports whether another client changed or created the object first.
func IsConflict(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }

// IsForbiddenByRBAC reports whether the authorizer refused a request, or RBAC prevented a
// privilege escalation. An admission plugin's refusal has the same status code, but is
// about the object.
func IsForbiddenByRBAC(err error) bool {
	status, ok := errors.AsType[apiStatus](err)
	if !ok || !apierrors.IsForbidden(err) {
		return false
	}
	message := status.Status().Message
	return strings.Contains(message, " cannot ") || strings.Contains(message, " is attempting to grant RBAC permissions not currently held")
}

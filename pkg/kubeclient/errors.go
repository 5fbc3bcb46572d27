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

// is reports whether err is, or wraps, one of that type.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// IsUntrusted says whether err is the TLS certificate of the server not being
// good for the address or not being signed by a trusted CA.
func IsUntrusted(err error) bool {
	return is[*tls.CertificateVerificationError](err) ||
		is[x509.UnknownAuthorityError](err) || is[x509.CertificateInvalidError](err) || is[x509.HostnameError](err)
}

// IsCredentialPlugin says whether err is the program that the kubeconfig names for
// its credentials, which failed; no request was sent.
func IsCredentialPlugin(err error) bool {
	return err != nil && strings.Contains(err.Error(), "getting credentials: exec") // client-go has no type for it
}

// IsUnreachable says whether err is a request that got no answer from an API
// server, for another reason than an untrusted certificate.
func IsUnreachable(err error) bool {
	switch {
	case IsUntrusted(err), IsCredentialPlugin(err), is[apiStatus](err):
		return false
	case errors.Is(err, ErrRedirect), errors.Is(err, ErrTooLarge), errors.Is(err, ErrNotAPIServer):
		return false
	case is[*fs.PathError](err), is[*os.LinkError](err): // whose cause, a system call's error, passes for a network's
		return false
	}
	return is[*brokenError](err) || is[net.Error](err) || is[*url.Error](err) || is[tls.RecordHeaderError](err) || is[tls.AlertError](err) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// apiStatus is an error that is the answer of an API server.
type apiStatus interface {
	error
	apierrors.APIStatus
}

// IsServerError says whether err is an API server that answers but cannot serve: it has
// too many requests, is starting or ending, or does not reach its storage.
func IsServerError(err error) bool {
	status, ok := errors.AsType[apiStatus](err)
	return ok && isOverloaded(int(status.Status().Code))
}

// isOverloaded says whether a status is that of a server that cannot serve now.
func isOverloaded(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// IsTransient says whether the same request may succeed later without anyone
// mending anything: no answer, too many requests, or trouble in the server. What
// does not speak TLS, or is a proxy that says no, will say the same again.
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

// IsConflict says whether someone else changed or created the object first.
func IsConflict(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }

// IsForbiddenByRBAC says whether err is the authorizer's no, or that nobody may
// grant more than he has, as opposed to a no of admission, which has the same
// status code but speaks of the object.
func IsForbiddenByRBAC(err error) bool {
	status, ok := errors.AsType[apiStatus](err)
	if !ok || !apierrors.IsForbidden(err) {
		return false
	}
	message := status.Status().Message
	return strings.Contains(message, " cannot ") || strings.Contains(message, " is attempting to grant RBAC permissions not currently held")
}

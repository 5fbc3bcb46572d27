package failure

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
	"slices"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// sample is an error as it occurs, and its reason code.
type sample struct {
	source string // the sentinel or type, as its package declares it; "" for errors of other modules
	err    error
	reason string
}

var csrs = schema.GroupResource{Group: "certificates.k8s.io", Resource: "certificatesigningrequests"}

func rbacDenial() error {
	return apierrors.NewForbidden(csrs, "", errors.New(`User "jane" cannot list resource "certificatesigningrequests"`))
}

// dialError is the error of net/http if nothing listens at the address.
func dialError() error {
	return &url.Error{Op: "Get", URL: "https://192.0.2.1:6443", Err: &net.OpError{Op: "dial", Net: "tcp", Err: &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}}}
}

func inRequest(err error) error {
	return &url.Error{Op: "Get", URL: "https://192.0.2.1:6443", Err: err}
}

// samples returns each sentinel and type of the module, and realistic errors of others.
func samples() []sample {
	return slices.Concat(commandSamples(), serverSamples(), clusterInfoSamples(), tokenSamples(), csrSamples(), joinSamples(), localSamples())
}

func commandSamples() []sample {
	return []sample{
		{"failure.ErrInterrupted", ErrInterrupted, "Interrupted"},
		{"failure.ErrTerminated", ErrTerminated, "Terminated"},
		{"failure.ErrUsage", ErrUsage, "Usage"},
		{"failure.UsageError", &UsageError{errors.New("unknown flag: --x"), "bootctl join"}, "Usage"},
		{"", Usagef("read ca.crt: %w", clusterinfo.ErrPinMismatch), "Usage"},
		{"failure.ConfirmationError", &ConfirmationError{}, "ConfirmationRequired"},
		{"failure.ErrConfirmationRequired", ErrConfirmationRequired, "ConfirmationRequired"},
		{"failure.ErrNoKubeconfig", ErrNoKubeconfig, "NoKubeconfig"},
		{"failure.ErrInvalidKubeconfig", fmt.Errorf("%w: yaml: line 1", ErrInvalidKubeconfig), "InvalidKubeconfig"},
		{"", fmt.Errorf("%w: %w", ErrInvalidKubeconfig, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}), "LocalFile"},
		{"failure.ErrLoopbackEndpoint", ErrLoopbackEndpoint, "LoopbackEndpoint"},
		{"failure.ErrNotReady", ErrNotReady, "NotReady"},
		{"failure.TemplateError", &TemplateError{io.ErrUnexpectedEOF}, "Template"},
		{"failure.BulkError", &BulkError{[]error{token.ErrNotFound, csr.ErrNotFound}, 3}, "TokenNotFound"},
		{"", &BulkError{[]error{token.ErrNotFound, csr.ErrDenied}, 3}, "SeveralFailures"},
		{"", fmt.Errorf("%w: bootctl join runs on Linux", errors.ErrUnsupported), "Unsupported"},
		{"", errors.New("anything"), "Error"},
		{"", context.Canceled, "Error"},
	}
}

func serverSamples() []sample {
	return []sample{
		{"", dialError(), "Unreachable"},
		{"", inRequest(context.DeadlineExceeded), "Unreachable"},
		{"", inRequest(&net.DNSError{Err: "no such host", Name: "x"}), "Unreachable"},
		{"", inRequest(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), "Unreachable"},
		{"", inRequest(tls.AlertError(70)), "Unreachable"},
		{"", io.ErrUnexpectedEOF, "Unreachable"},
		{"kubeclient.ErrConnectionClosed", inRequest(kubeclient.ErrConnectionClosed), "Unreachable"},
		{"kubeclient.ErrNoAnswer", kubeclient.ErrNoAnswer, "Unreachable"},
		{"kubeclient.DeadlineError", &kubeclient.DeadlineError{Last: csr.ErrPending}, "CSRPending"},
		{"", &kubeclient.DeadlineError{Last: inRequest(context.DeadlineExceeded)}, "Unreachable"},
		{"", &kubeclient.DeadlineError{Last: apierrors.NewServiceUnavailable("starting")}, "ServerUnavailable"},
		{"kubeclient.ProxyError", inRequest(&kubeclient.ProxyError{Proxy: "http://p", Status: "403"}), "ProxyRefused"},
		{"", inRequest(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), "CertificateUntrusted"},
		{"", inRequest(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}), "CertificateUntrusted"},
		{"", inRequest(x509.CertificateInvalidError{Reason: x509.Expired}), "CertificateUntrusted"},
		{"kubeclient.ErrRedirect", inRequest(kubeclient.ErrRedirect), "NotAnAPIServer"},
		{"kubeclient.ErrTooLarge", inRequest(kubeclient.ErrTooLarge), "NotAnAPIServer"},
		{"kubeclient.ErrNotAPIServer", inRequest(kubeclient.ErrNotAPIServer), "NotAnAPIServer"},
		{"", fmt.Errorf("192.0.2.1: %w: %w", kubeclient.ErrNotAPIServer, errors.New("unknown kind")), "NotAnAPIServer"},
		{"kubeclient.ErrDownload", fmt.Errorf("%w: 404", kubeclient.ErrDownload), "DiscoveryFileNotFound"},
		{"", inRequest(errors.New("getting credentials: exec: executable x failed with exit code 1")), "CredentialPlugin"},
		{"", apierrors.NewUnauthorized("no"), "Unauthorized"},
		{"", rbacDenial(), "Forbidden"},
		{"kubeclient.MissingPermissionError", fmt.Errorf("nothing was changed: %w", &kubeclient.MissingPermissionError{Missing: []string{"x"}}), "Forbidden"},
		{"", apierrors.NewForbidden(csrs, "x", errors.New("denied by admission")), "RefusedByServer"},
		{"", fmt.Errorf("this cannot be: %w", apierrors.NewForbidden(csrs, "x", errors.New("denied by admission"))), "RefusedByServer"},
		{"", apierrors.NewInvalid(schema.GroupKind{Kind: "X"}, "x", field.ErrorList{}), "RefusedByServer"},
		{"", apierrors.NewBadRequest("no"), "RefusedByServer"},
		{"", apierrors.NewNotFound(csrs, "x"), "RefusedByServer"},
		{"", apierrors.NewMethodNotSupported(csrs, "create"), "RefusedByServer"},
		{"", apierrors.NewResourceExpired("too old"), "RefusedByServer"},
		{"", apierrors.NewConflict(csrs, "x", errors.New("changed")), "Conflict"},
		{"", apierrors.NewAlreadyExists(csrs, "x"), "Conflict"},
		{"", apierrors.NewTooManyRequests("slow", 1), "ServerUnavailable"},
		{"", apierrors.NewInternalError(errors.New("etcd")), "ServerUnavailable"},
		{"", apierrors.NewServiceUnavailable("starting"), "ServerUnavailable"},
		{"", apierrors.NewTimeoutError("slow", 1), "ServerUnavailable"},
		{"", apierrors.NewServerTimeout(csrs, "list", 1), "ServerUnavailable"},
		{"", inRequest(apierrors.NewTooManyRequests("slow", 1)), "ServerUnavailable"},
		// from a malicious server
		{"", &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonConflict, Code: 500}}, "Conflict"},
		{"", &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonUnauthorized, Code: 503}}, "Unauthorized"},
		{"", &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonForbidden, Code: 429, Message: "x cannot y"}}, "Forbidden"},
	}
}

func clusterInfoSamples() []sample {
	final := fmt.Errorf("192.0.2.2: %w", clusterinfo.ErrPinMismatch)
	later := fmt.Errorf("192.0.2.1: %w", discovery.ErrUnsigned)
	return []sample{
		{"clusterinfo.ErrNotFound", clusterinfo.ErrNotFound, "ClusterInfoNotFound"},
		{"clusterinfo.ErrAnonymous", fmt.Errorf("%w: %w", clusterinfo.ErrAnonymous, apierrors.NewUnauthorized("no")), "AnonymousDisabled"},
		{"", fmt.Errorf("192.0.2.1: %w: %w", clusterinfo.ErrAnonymous, rbacDenial()), "AnonymousForbidden"},
		{"clusterinfo.ErrDocument", fmt.Errorf("%w: its server: %w", clusterinfo.ErrDocument, clusterinfo.ErrInvalidEndpoint), "DocumentInvalid"},
		{"clusterinfo.ErrSignature", clusterinfo.ErrSignature, "SignatureInvalid"},
		{"discovery.ErrUnsigned", discovery.ErrUnsigned, "SignatureMissing"},
		{"discovery.ErrTokenNotSigned", discovery.ErrTokenNotSigned, "SignatureMissing"},
		{"clusterinfo.ErrNotSignedYet", &kubeclient.DeadlineError{Last: clusterinfo.ErrNotSignedYet}, "SignatureMissing"},
		{"clusterinfo.ErrNoSigningToken", clusterinfo.ErrNoSigningToken, "SignatureMissing"},
		{"clusterinfo.SignatureError", &clusterinfo.SignatureError{SignatureState: clusterinfo.SignatureState{TokenID: "abcdef", State: clusterinfo.Missing}}, "SignatureMissing"},
		{"clusterinfo.ErrNotVerified", &clusterinfo.SignatureError{SignatureState: clusterinfo.SignatureState{TokenID: "abcdef", State: clusterinfo.Stale}}, "SignatureStale"},
		{"", &clusterinfo.SignatureError{SignatureState: clusterinfo.SignatureState{TokenID: "abcdef", State: clusterinfo.Malformed}}, "SignatureMalformed"},
		{"discovery.ErrChanged", discovery.ErrChanged, "ClusterInfoChanged"},
		{"clusterinfo.ErrPinMismatch", clusterinfo.ErrPinMismatch, "PinMismatch"},
		{"clusterinfo.ErrCAExpired", fmt.Errorf("%w: it expired", clusterinfo.ErrCAExpired), "CAExpired"},
		{"clusterinfo.ErrUnusableCA", fmt.Errorf("%w: no CA", clusterinfo.ErrUnusableCA), "CAInvalid"},
		{"discovery.ErrNoTrust", discovery.ErrNoTrust, "CARequired"},
		{"discovery.SkewError", &discovery.SkewError{Err: inRequest(x509.CertificateInvalidError{Reason: x509.Expired}), Behind: time.Hour}, "ClockSkew"},
		{"", &discovery.SkewError{Err: clusterinfo.ErrCAExpired, Behind: time.Hour}, "ClockSkew"},
		{"discovery.ErrTokenRejected", fmt.Errorf("%w: %w", discovery.ErrTokenRejected, apierrors.NewUnauthorized("no")), "TokenRejected"},
		{"clusterinfo.ErrInvalidPin", clusterinfo.ErrInvalidPin, "InvalidPin"},
		{"clusterinfo.ErrInvalidEndpoint", clusterinfo.ErrInvalidEndpoint, "InvalidEndpoint"},
		{"discovery.EndpointErrors", discovery.EndpointErrors{dialError(), later, final}, "PinMismatch"},
		{"", discovery.EndpointErrors{later, dialError()}, "SignatureMissing"},
		{"", discovery.EndpointErrors{dialError(), dialError()}, "Unreachable"},
	}
}

func tokenSamples() []sample {
	return []sample{
		{"token.ErrInvalid", token.ErrInvalid, "InvalidToken"},
		{"token.ErrNotFound", token.ErrNotFound, "TokenNotFound"},
		{"token.ErrExists", token.ErrExists, "TokenExists"},
		{"token.ErrNotToken", token.ErrNotToken, "NotAToken"},
		{"token.ErrChanged", token.ErrChanged, "TokenChanged"},
		{"token.ErrWeak", token.ErrWeak, "WeakToken"},
		{"token.ErrUnusable", token.ErrUnusable, "TokenUnusable"},
		{"token.ErrOtherSecret", token.ErrOtherSecret, "TokenSecretMismatch"},
		{"token.ErrInvalidSpec", token.ErrInvalidSpec, "InvalidTokenSpec"},
		{"token.IDError", &token.IDError{ID: "abcdef", Err: token.ErrExists}, "TokenExists"},
	}
}

func csrSamples() []sample {
	return []sample{
		{"csr.ErrNotFound", csr.ErrNotFound, "CSRNotFound"},
		{"csr.RequestError", &csr.RequestError{Name: "x", Err: csr.ErrPending}, "CSRPending"},
		{"csr.ErrPending", fmt.Errorf("%w; a person must approve it", csr.ErrPending), "CSRPending"},
		{"csr.ErrUnsigned", csr.ErrUnsigned, "CSRNotSigned"},
		{"csr.ErrReplaced", csr.ErrReplaced, "CSRReplaced"},
		{"csr.ErrDiffers", csr.ErrDiffers, "CSRDiffers"},
		{"approval.ErrUndecided", approval.ErrUndecided, "CSRStillPending"},
		{"approval.ErrApproved", approval.ErrApproved, "AlreadyApproved"},
		{"csr.ErrDenied", csr.ErrDenied, "Denied"},
		{"csr.ErrFailed", csr.ErrFailed, "SignerFailed"},
		{"", &csr.RequestError{Name: "x", Err: csr.ErrDenied}, "Denied"},
		{"approval.PolicyViolationError", &approval.PolicyViolationError{Name: "x"}, "PolicyViolation"},
		{"approval.ConflictError", &approval.ConflictError{Name: "x", NodeName: "n"}, "ConflictingCSRs"},
		{"approval.ErrAmbiguousCSR", approval.ErrAmbiguousCSR, "AmbiguousCSR"},
		{"approval.ErrFingerprintMismatch", approval.ErrFingerprintMismatch, "FingerprintMismatch"},
		{"csr.ErrCertificate", fmt.Errorf("%w: %w", csr.ErrCertificate, x509.UnknownAuthorityError{}), "CertificateInvalid"},
		{"csr.ErrInvalidFingerprint", csr.ErrInvalidFingerprint, "InvalidFingerprint"},
		{"csr.ErrUnfit", csr.ErrUnfit, "InvalidCSR"},
		{"csr.ErrInvalidRequest", csr.ErrInvalidRequest, "InvalidCSR"},
		{"csr.ErrInvalidSAN", csr.ErrInvalidSAN, "InvalidCSR"},
		{"csr.ErrInvalidKey", csr.ErrInvalidKey, "InvalidKey"},
		{"csr.ErrInvalidNodeName", csr.ErrInvalidNodeName, "InvalidNodeName"},
	}
}

func joinSamples() []sample {
	return []sample{
		{"join.ErrNotJoined", join.ErrNotJoined, "NotJoined"},
		{"", fmt.Errorf("%w: %w", join.ErrNotJoined, clusterinfo.ErrInvalidEndpoint), "InvalidEndpoint"},
		{"", fmt.Errorf("%w: %w", join.ErrExpired, clusterinfo.ErrInvalidEndpoint), "IdentityExpired"},
		{"join.ErrExpired", join.ErrExpired, "IdentityExpired"},
		{"join.ErrForeign", fmt.Errorf("%w: %w", join.ErrForeign, clusterinfo.ErrPinMismatch), "DifferentIdentity"},
		{"join.PinMismatchError", &join.PinMismatchError{File: "x", Err: clusterinfo.ErrPinMismatch}, "PinMismatch"},
		{"join.ErrInvalid", fmt.Errorf("%w: %w", join.ErrInvalid, csr.ErrInvalidKey), "IdentityInvalid"},
		{"", fmt.Errorf("%w: %w", join.ErrInvalid, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}), "IdentityInvalid"},
		{"join.ErrRejected", fmt.Errorf("%w: %w", join.ErrRejected, apierrors.NewUnauthorized("no")), "IdentityRejected"},
		{"join.ErrDiscoveryFile", fmt.Errorf("%w: %w", join.ErrDiscoveryFile, join.ErrFile), "DiscoveryFileInvalid"},
		{"join.ErrFile", fmt.Errorf("%w: its server is %w", join.ErrFile, clusterinfo.ErrInvalidEndpoint), "InvalidDiscoveryFile"},
		{"setup.ErrDiffers", setup.ErrDiffers, "SetupDiffers"},
		{"setup.DiffersError", &setup.DiffersError{Differences: []string{"x"}}, "SetupDiffers"},
	}
}

func localSamples() []sample {
	missing := &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}
	return []sample{
		{"failure.ErrLabNotStarted", ErrLabNotStarted, "LabNotStarted"},
		{"failure.ErrLabNotReady", fmt.Errorf("%w: %w", ErrLabNotReady, context.DeadlineExceeded), "LabNotReady"},
		{"lab.ErrDiffers", lab.ErrDiffers, "LabDiffers"},
		{"lab.ErrNotALab", lab.ErrNotALab, "NotALab"},
		{"lab.StartError", &lab.StartError{Reason: "Other"}, "LabFailed"},
		{"", &lab.StartError{Reason: "PortTaken"}, "LabPortTaken"},
		{"", &lab.StartError{Reason: "LocalFile"}, "LabFiles"},
		{"", &lab.StartError{Reason: "InvalidComponentFlag"}, "InvalidComponentFlag"},
		{"lab.UnknownControllerError", &lab.UnknownControllerError{Name: "x"}, "UnknownController"},
		{"lab.ErrNotInstalled", lab.ErrNotInstalled, "LabNotInstalled"},
		{"lab.VersionError", &lab.VersionError{}, "LabVersion"},
		{"lab.ErrUnsupported", lab.ErrUnsupported, "Unsupported"},
		{"lab.RunningError", &lab.RunningError{}, "Error"}, // Up waits for that server
		{"failure.ErrWrite", fmt.Errorf("%w: %w", ErrWrite, syscall.EPIPE), "LocalFile"},
		{"durable.ErrLocked", &kubeclient.DeadlineError{Last: durable.ErrLocked}, "Locked"},
		{"durable.ErrNotRegular", durable.ErrNotRegular, "LocalFile"},
		{"durable.ErrForeignOwner", durable.ErrForeignOwner, "LocalFile"},
		{"durable.ErrOutside", durable.ErrOutside, "LocalFile"},
		{"", missing, "LocalFile"},
		{"", inRequest(missing), "LocalFile"}, // a file of the kubeconfig
		{"", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "LocalFile"},
		{"", &os.LinkError{Op: "rename", Old: "x", New: "y", Err: syscall.EXDEV}, "LocalFile"},
	}
}

package failure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/setup"
	bootstraptoken "github.com/bootctl/bootctl/pkg/token"
)

// sample is an error as it occurs, and its reason code.
type sample struct {
	source string // the sentinel or type, as its package declares it; "" for those of others
	err    error
	reason string
}

var csrs = schema.GroupResource{Group: "certificates.k8s.io", Resource: "certificatesigningrequests"}

func rbacDenial() error {
	return apierrors.NewForbidden(csrs, "", errors.New(`User "jane" cannot list resource "certificatesigningrequests"`))
}

// dialError is what net/http returns where nobody listens.
func dialError() error {
	return &url.Error{Op: "Get", URL: "https://192.0.2.1:6443", Err: &net.OpError{Op: "dial", Net: "tcp", Err: &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}}}
}

func inRequest(err error) error {
	return &url.Error{Op: "Get", URL: "https://192.0.2.1:6443", Err: err}
}

// samples has each sentinel and type of the module, and realistic errors of others.
func samples() []sample {
	return slices.Concat(commandSamples(), serverSamples(), clusterInfoSamples(), tokenSamples(), csrSamples(), joinSamples(), localSamples())
}

func commandSamples() []sample {
	return []sample{
		{"failure.ErrInterrupted", ErrInterrupted, "Interrupted"},
		{"failure.ErrTerminated", ErrTerminated, "Terminated"},
		{"failure.ErrUsage", ErrUsage, "Usage"},
		{"failure.UsageError", &UsageError{errors.New("unknown flag: --x"), "bootctl join"}, "Usage"},
		{"", fmt.Errorf("%w: read ca.crt: %w", ErrUsage, clusterinfo.ErrPinMismatch), "Usage"},
		{"failure.ErrConfirmationRequired", ErrConfirmationRequired, "ConfirmationRequired"},
		{"failure.ErrNoKubeconfig", ErrNoKubeconfig, "NoKubeconfig"},
		{"failure.ErrInvalidKubeconfig", fmt.Errorf("%w: yaml: line 1", ErrInvalidKubeconfig), "InvalidKubeconfig"},
		{"", fmt.Errorf("%w: %w", ErrInvalidKubeconfig, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}), "LocalFile"},
		{"failure.ErrLoopbackEndpoint", ErrLoopbackEndpoint, "LoopbackEndpoint"},
		{"failure.ErrNotReady", ErrNotReady, "NotReady"},
		{"failure.TemplateError", &TemplateError{io.ErrUnexpectedEOF}, "Template"},
		{"failure.BulkError", &BulkError{[]error{bootstraptoken.ErrNotFound, csr.ErrNotFound}, 3}, "TokenNotFound"},
		{"", &BulkError{[]error{bootstraptoken.ErrNotFound, csr.ErrDenied}, 3}, "SeveralFailures"},
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
		{"apiclient.ErrHungUp", inRequest(apiclient.ErrHungUp), "Unreachable"},
		{"apiclient.ErrNoAnswer", apiclient.ErrNoAnswer, "Unreachable"},
		{"apiclient.DeadlineError", &apiclient.DeadlineError{Last: csr.ErrPending}, "CSRPending"},
		{"", &apiclient.DeadlineError{Last: inRequest(context.DeadlineExceeded)}, "Unreachable"},
		{"", &apiclient.DeadlineError{Last: apierrors.NewServiceUnavailable("starting")}, "ServerUnavailable"},
		{"apiclient.ProxyError", inRequest(&apiclient.ProxyError{Proxy: "http://p", Status: "403"}), "ProxyRefused"},
		{"", inRequest(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), "CertificateUntrusted"},
		{"", inRequest(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}), "CertificateUntrusted"},
		{"", inRequest(x509.CertificateInvalidError{Reason: x509.Expired}), "CertificateUntrusted"},
		{"apiclient.ErrRedirect", inRequest(apiclient.ErrRedirect), "NotAnAPIServer"},
		{"apiclient.ErrTooLarge", inRequest(apiclient.ErrTooLarge), "NotAnAPIServer"},
		{"apiclient.ErrNotAPIServer", inRequest(apiclient.ErrNotAPIServer), "NotAnAPIServer"},
		{"", fmt.Errorf("192.0.2.1: %w: %w", clusterinfo.ErrNotAPIServer, errors.New("unknown kind")), "NotAnAPIServer"},
		{"apiclient.ErrNotServed", fmt.Errorf("%w: 404", apiclient.ErrNotServed), "DiscoveryFileNotFound"},
		{"", inRequest(errors.New("getting credentials: exec: executable x failed with exit code 1")), "CredentialPlugin"},
		{"", apierrors.NewUnauthorized("no"), "Unauthorized"},
		{"", rbacDenial(), "Forbidden"},
		{"apiclient.MissingPermissionError", fmt.Errorf("nothing was changed: %w", &apiclient.MissingPermissionError{Missing: []string{"x"}}), "Forbidden"},
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
		// of a server that means no good
		{"", &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonConflict, Code: 500}}, "Conflict"},
		{"", &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonUnauthorized, Code: 503}}, "Unauthorized"},
		{"", &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonForbidden, Code: 429, Message: "x cannot y"}}, "Forbidden"},
	}
}

func clusterInfoSamples() []sample {
	final := fmt.Errorf("192.0.2.2: %w", clusterinfo.ErrPinMismatch)
	later := fmt.Errorf("192.0.2.1: %w", clusterinfo.ErrUnsigned)
	return []sample{
		{"clusterinfo.ErrNotFound", clusterinfo.ErrNotFound, "ClusterInfoNotFound"},
		{"clusterinfo.ErrAnonymous", fmt.Errorf("%w: %w", clusterinfo.ErrAnonymous, apierrors.NewUnauthorized("no")), "AnonymousDisabled"},
		{"", fmt.Errorf("192.0.2.1: %w: %w", clusterinfo.ErrAnonymous, rbacDenial()), "AnonymousForbidden"},
		{"clusterinfo.ErrDocument", fmt.Errorf("%w: its server is %w", clusterinfo.ErrDocument, clusterinfo.ErrInvalidEndpoint), "DocumentInvalid"},
		{"clusterinfo.ErrSignature", clusterinfo.ErrSignature, "SignatureInvalid"},
		{"clusterinfo.ErrUnsigned", clusterinfo.ErrUnsigned, "SignatureMissing"},
		{"clusterinfo.ErrTokenNotSigned", clusterinfo.ErrTokenNotSigned, "SignatureMissing"},
		{"clusterinfo.ErrNotSignedYet", &apiclient.DeadlineError{Last: clusterinfo.ErrNotSignedYet}, "SignatureMissing"},
		{"clusterinfo.ErrNoSigningToken", clusterinfo.ErrNoSigningToken, "SignatureMissing"},
		{"clusterinfo.SignatureError", &clusterinfo.SignatureError{SignatureState: clusterinfo.SignatureState{TokenID: "abcdef", State: clusterinfo.Missing}}, "SignatureMissing"},
		{"clusterinfo.ErrNotVerified", &clusterinfo.SignatureError{SignatureState: clusterinfo.SignatureState{TokenID: "abcdef", State: clusterinfo.Stale}}, "SignatureStale"},
		{"", &clusterinfo.SignatureError{SignatureState: clusterinfo.SignatureState{TokenID: "abcdef", State: clusterinfo.Malformed}}, "SignatureMalformed"},
		{"clusterinfo.ErrChanged", clusterinfo.ErrChanged, "ClusterInfoChanged"},
		{"clusterinfo.ErrPinMismatch", clusterinfo.ErrPinMismatch, "PinMismatch"},
		{"clusterinfo.ErrCAExpired", fmt.Errorf("%w: it ended", clusterinfo.ErrCAExpired), "CAExpired"},
		{"clusterinfo.ErrUnusableCA", fmt.Errorf("%w: no CA", clusterinfo.ErrUnusableCA), "CAInvalid"},
		{"clusterinfo.ErrNoTrust", clusterinfo.ErrNoTrust, "CARequired"},
		{"clusterinfo.SkewError", &clusterinfo.SkewError{Err: inRequest(x509.CertificateInvalidError{Reason: x509.Expired}), Behind: time.Hour}, "ClockSkew"},
		{"", &clusterinfo.SkewError{Err: clusterinfo.ErrCAExpired, Behind: time.Hour}, "ClockSkew"},
		{"clusterinfo.ErrTokenRejected", fmt.Errorf("%w: %w", clusterinfo.ErrTokenRejected, apierrors.NewUnauthorized("no")), "TokenRejected"},
		{"clusterinfo.ErrInvalidPin", clusterinfo.ErrInvalidPin, "InvalidPin"},
		{"clusterinfo.ErrInvalidEndpoint", clusterinfo.ErrInvalidEndpoint, "InvalidEndpoint"},
		{"clusterinfo.ErrNotAPIServer", clusterinfo.ErrNotAPIServer, "NotAnAPIServer"},
		{"clusterinfo.EndpointErrors", clusterinfo.EndpointErrors{dialError(), later, final}, "PinMismatch"},
		{"", clusterinfo.EndpointErrors{later, dialError()}, "SignatureMissing"},
		{"", clusterinfo.EndpointErrors{dialError(), dialError()}, "Unreachable"},
	}
}

func tokenSamples() []sample {
	return []sample{
		{"token.ErrInvalid", bootstraptoken.ErrInvalid, "InvalidToken"},
		{"token.ErrNotFound", bootstraptoken.ErrNotFound, "TokenNotFound"},
		{"token.ErrExists", bootstraptoken.ErrExists, "TokenExists"},
		{"token.ErrNotToken", bootstraptoken.ErrNotToken, "NotAToken"},
		{"token.ErrChanged", bootstraptoken.ErrChanged, "TokenChanged"},
		{"token.ErrWeak", bootstraptoken.ErrWeak, "WeakToken"},
		{"token.ErrUnusable", bootstraptoken.ErrUnusable, "TokenUnusable"},
		{"token.ErrOtherSecret", bootstraptoken.ErrOtherSecret, "TokenSecretMismatch"},
		{"token.ErrInvalidSpec", bootstraptoken.ErrInvalidSpec, "InvalidTokenSpec"},
	}
}

func csrSamples() []sample {
	return []sample{
		{"csr.ErrNotFound", csr.ErrNotFound, "CSRNotFound"},
		{"csr.RequestError", &csr.RequestError{Name: "x", Err: csr.ErrPending}, "CSRPending"},
		{"csr.ErrPending", fmt.Errorf("%w; a person is to approve it", csr.ErrPending), "CSRPending"},
		{"csr.ErrUnsigned", csr.ErrUnsigned, "CSRNotSigned"},
		{"csr.ErrReplaced", csr.ErrReplaced, "CSRReplaced"},
		{"csr.ErrDiffers", csr.ErrDiffers, "CSRDiffers"},
		{"csr.ErrUndecided", csr.ErrUndecided, "CSRStillPending"},
		{"csr.ErrApproved", csr.ErrApproved, "AlreadyApproved"},
		{"csr.ErrDenied", csr.ErrDenied, "Denied"},
		{"csr.ErrFailed", csr.ErrFailed, "SignerFailed"},
		{"csr.RefusedError", &csr.RefusedError{Name: "x", End: csr.ErrDenied}, "Denied"},
		{"csr.OutsideRulesError", &csr.OutsideRulesError{Name: "x"}, "PolicyViolation"},
		{"csr.RivalsError", &csr.RivalsError{Name: "x", NodeName: "n"}, "ConflictingCSRs"},
		{"failure.ErrAmbiguousCSR", ErrAmbiguousCSR, "AmbiguousCSR"},
		{"failure.ErrFingerprintMismatch", ErrFingerprintMismatch, "FingerprintMismatch"},
		{"csr.ErrCertificate", fmt.Errorf("%w: %w", csr.ErrCertificate, x509.UnknownAuthorityError{}), "CertificateInvalid"},
		{"csr.ErrInvalidFingerprint", csr.ErrInvalidFingerprint, "InvalidFingerprint"},
		{"csr.ErrUnfit", csr.ErrUnfit, "InvalidCSR"},
		{"csr.ErrInvalidRequest", csr.ErrInvalidRequest, "InvalidCSR"},
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
		{"join.ErrInvalid", fmt.Errorf("%w: %w", join.ErrInvalid, csr.ErrInvalidKey), "IdentityInvalid"},
		{"", fmt.Errorf("%w: %w", join.ErrInvalid, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}), "IdentityInvalid"},
		{"join.ErrRejected", fmt.Errorf("%w: %w", join.ErrRejected, apierrors.NewUnauthorized("no")), "IdentityRejected"},
		{"failure.ErrDiscoveryFile", fmt.Errorf("%w: %w", ErrDiscoveryFile, join.ErrFile), "DiscoveryFileInvalid"},
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
		{"lab.DiffersError", &lab.DiffersError{}, "LabDiffers"},
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
		{"durable.ErrLocked", &apiclient.DeadlineError{Last: durable.ErrLocked}, "Locked"},
		{"durable.ErrNotRegular", durable.ErrNotRegular, "LocalFile"},
		{"durable.ErrForeignOwner", durable.ErrForeignOwner, "LocalFile"},
		{"durable.ErrOutside", durable.ErrOutside, "LocalFile"},
		{"", missing, "LocalFile"},
		{"", inRequest(missing), "LocalFile"}, // a file of the kubeconfig
		{"", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "LocalFile"},
		{"", &os.LinkError{Op: "rename", Old: "x", New: "y", Err: syscall.EXDEV}, "LocalFile"},
	}
}

// wrappings are the ways in which errors are wrapped between their cause and Of.
func wrappings() map[string]func(error) error {
	return map[string]func(error) error{
		"bare":          func(err error) error { return err },
		"text":          func(err error) error { return fmt.Errorf("get x: %w", err) },
		"text after it": func(err error) error { return fmt.Errorf("%w; what could be done was done", err) },
		"joined":        func(err error) error { return errors.Join(err, nil) },
		"with cleanup":  func(err error) error { return errors.Join(err, errors.New("close failed")) },
		"deadline":      func(err error) error { return &apiclient.DeadlineError{Last: err} },
		"request":       func(err error) error { return &csr.RequestError{Name: "x", Err: err} },
		"endpoint": func(err error) error {
			return clusterinfo.EndpointErrors{fmt.Errorf("192.0.2.1:6443: %w", err), fmt.Errorf("192.0.2.2:6443: %w", dialError())}
		},
	}
}

// rowsOf returns the reason codes of all rows that are for err itself.
func rowsOf(err error) []string {
	var reasons []string
	for _, r := range table {
		if r.begins(err) {
			reasons = append(reasons, r.reason)
		}
	}
	return reasons
}

// No error has two rows, so their order does not matter, and wrapping changes no reason
// code.
func TestTable_OneRowForEachError(t *testing.T) {
	for _, s := range samples() {
		for name, wrap := range wrappings() {
			if (name == "deadline" || name == "endpoint") && s.reason == unknown.reason {
				continue // the deadline, or the other endpoint, has a row
			}
			t.Run(s.reason+"/"+name, func(t *testing.T) {
				err := wrap(s.err)
				if got := Of(err).Reason; got != s.reason {
					t.Errorf("%v: reason code %s, want %s", err, got, s.reason)
				}
				walk(err, func(e error) bool {
					if rows := rowsOf(e); len(rows) > 1 {
						t.Errorf("%#v has the rows %q", e, rows)
					}
					return true
				})
			})
		}
	}
}

// Reversed, the table gives the same answers.
func TestTable_OrderDoesNotMatter(t *testing.T) {
	before := map[string]Failure{}
	for i, s := range samples() {
		before[fmt.Sprint(i)] = Of(s.err)
	}
	slices.Reverse(table)
	defer slices.Reverse(table)
	for i, s := range samples() {
		if got, want := Of(s.err), before[fmt.Sprint(i)]; got != want {
			t.Errorf("%v: %+v, want %+v", s.err, got, want)
		}
	}
}

// Every sentinel and every type of error that the module exports to commands has a
// sample, so that a new one is not forgotten.
func TestSamples_HaveEverySentinel(t *testing.T) {
	known := map[string]bool{}
	for _, s := range samples() {
		known[s.source] = true
	}
	declared := 0
	dirs, err := filepath.Glob("../../pkg/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(dirs, ".", "../apiclient", "../durable", "../lab") {
		for _, name := range exportedErrors(t, dir) {
			declared++
			if !known[name] {
				t.Errorf("%s has no sample", name)
			}
		}
	}
	if declared < 70 {
		t.Errorf("found %d errors", declared)
	}
}

// exportedErrors returns the sentinels and error types that the package in dir exports.
func exportedErrors(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	isError := regexp.MustCompile(`^(Err[A-Z]\w*|[A-Z]\w*Errors?)$`)
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR && general.Tok != token.TYPE {
				continue
			}
			for _, spec := range general.Specs {
				var idents []*ast.Ident
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					idents = spec.Names
				case *ast.TypeSpec:
					idents = []*ast.Ident{spec.Name}
				}
				for _, ident := range idents {
					if name := parsed.Name.Name + "." + ident.Name; isError.MatchString(ident.Name) && !slices.Contains(names, name) {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}

// Each reason code has one row, a documented exit code, and a sample.
func TestTable_IsComplete(t *testing.T) {
	reasons := map[string]int{}
	for _, s := range samples() {
		reasons[s.reason] = 0
	}
	for _, f := range All() {
		if _, hasSample := reasons[f.Reason]; !hasSample {
			t.Errorf("%s has no sample", f.Reason)
		}
		if reasons[f.Reason]++; reasons[f.Reason] > 1 {
			t.Errorf("%s has two rows", f.Reason)
		}
		if !slices.ContainsFunc(ExitCodes, func(e ExitCode) bool { return e.Code == f.Exit }) {
			t.Errorf("%s has the exit code %d", f.Reason, f.Exit)
		}
		for _, hint := range []string{f.Hint, f.NodeHint} {
			if strings.HasSuffix(hint, ".") || strings.Contains(hint, "\n") || strings.Contains(hint, "its name") {
				t.Errorf("%s has the hint %q", f.Reason, hint)
			}
		}
	}
}

// Hints have the names that errors know, as one word of a shell.
func TestOf_FillsHints(t *testing.T) {
	tests := []struct {
		name       string
		err        error
		hint, node string
	}{
		{"usage", &UsageError{errors.New("x"), "bootctl join"}, "see: bootctl join --help", ""},
		{"no command", ErrUsage, "", ""},
		{"pending", &apiclient.DeadlineError{Last: &csr.RequestError{Name: "node-csr-1", Err: csr.ErrPending}},
			"approve the CSR: bootctl csr approve node-csr-1", "ask an administrator to run bootctl csr approve node-csr-1, then run the same command again"},
		{"no name", csr.ErrPending,
			"approve the CSR: bootctl csr approve NAME", "ask an administrator to run bootctl csr approve NAME, then run the same command again"},
		{"denied", &csr.RefusedError{Name: "a b", End: csr.ErrDenied}, "delete the CSR so that it can be requested again: bootctl csr delete 'a b'",
			"ask an administrator to run bootctl csr delete 'a b', then run the same command again; or use another key: bootctl join --new-key"},
		{"a name that does not fit", &csr.RefusedError{Name: "a\x1b", End: csr.ErrDenied}, "delete the CSR so that it can be requested again: bootctl csr delete NAME",
			"ask an administrator to run bootctl csr delete NAME, then run the same command again; or use another key: bootctl join --new-key"},
		{"still pending", &csr.RequestError{Name: "x", Err: csr.ErrUndecided}, "deny the CSR first: bootctl csr deny x --reason REASON", ""},
		{"conflicting", &csr.RivalsError{Name: "x", NodeName: "w1"}, "compare the fingerprint at the node: bootctl csr approve --node w1 --fingerprint FINGERPRINT", ""},
		{"violation", &csr.OutsideRulesError{Name: "x", Verdicts: []csr.Verdict{{Rule: "node"}}}, "review the CSR before overriding these rules with --force: bootctl csr review x", ""},
		{"violation of another signer", &csr.OutsideRulesError{Name: "x", Verdicts: []csr.Verdict{{Rule: "signer"}}},
			"set --signer to evaluate the CSR by the rules of its signer: bootctl csr review x", ""},
		{"violation that stays", &csr.OutsideRulesError{Name: "x", Verdicts: []csr.Verdict{{Rule: "signer"}, {Rule: "node", Absolute: true}}},
			"deny the CSR, since these rules cannot be overridden: bootctl csr deny x --reason REASON", ""},
		{"permission", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission},
			"run it as a user with the permission; bootctl join needs root only to write to /, not with --out-dir or --rootfs", ""},
		{"owner", durable.ErrForeignOwner, "run it as the user who owns these files, such as root, or move the file away", ""},
		{"another file error", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, "", ""},
		{"forbidden", rbacDenial(), "run it as a cluster administrator, or grant the permission that the error names", "ask an administrator to run: bootctl setup"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.node == "" {
				test.node = test.hint
			}
			if got := Of(test.err); got.Hint != test.hint || got.NodeHint != test.node {
				t.Errorf("hint %q, node hint %q, want %q and %q", got.Hint, got.NodeHint, test.hint, test.node)
			}
		})
	}
}

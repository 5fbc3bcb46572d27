package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Status is the severity of a finding.
type Status string

// The statuses.
const (
	OK   Status = "OK"
	SKIP Status = "SKIP" // the check could not be performed
	WARN Status = "WARN" // nodes can join, but something should be fixed
	FAIL Status = "FAIL" // nodes cannot join, or will soon be unable to
)

// Finding is a result of a check. A check can have several findings.
type Finding struct {
	// Check is the name of the check.
	Check  string
	Status Status
	// Reason is a reason code, such as SignatureStale; empty for OK and SKIP.
	Reason string
	// Message describes what the check found, or why it was skipped.
	Message string
	// Fix is the command that fixes it, or what to do if no command can; empty for OK
	// and SKIP.
	Fix string
}

// most is how many things of a kind are listed by name.
const most = 5

// skip returns the finding that a check was not performed.
func skip(format string, args ...any) []Finding {
	return []Finding{{Status: SKIP, Message: fmt.Sprintf(format, args...)}}
}

// ok returns the finding that nothing is wrong.
func ok(format string, args ...any) []Finding {
	return []Finding{{Status: OK, Message: fmt.Sprintf(format, args...)}}
}

// one returns the finding that something is wrong.
func one(status Status, reason, message, fix string) []Finding {
	return []Finding{{Status: status, Reason: reason, Message: message, Fix: fix}}
}

// checkError returns the finding about an error that ended a check of a cluster.
func checkError(ctx context.Context, err error) Finding {
	var missing *kubeclient.MissingPermissionError
	switch {
	case errors.Is(err, clusterinfo.ErrNotFound), errors.Is(err, clusterinfo.ErrDocument): // another check reports it
		return skip("%v", err)[0]
	case errors.As(err, &missing):
		return forbidden(missing.Error())
	case apierrors.IsForbidden(err):
		return forbidden(err.Error())
	case ctx.Err() != nil:
		return failed(err, TimedOut, "bootctl doctor --timeout 5m")
	}
	return diagnoseAdmin(err)
}

func forbidden(missing string) Finding {
	return Finding{Status: WARN, Reason: Forbidden, Message: missing, Fix: "run it as a cluster administrator, or grant what is missing"}
}

// from adds the address to an error that does not begin with it.
func from(endpoint clusterinfo.Endpoint, err error) error {
	if strings.HasPrefix(err.Error(), fmt.Sprintf("%s: ", endpoint)) {
		return err
	}
	return fmt.Errorf("%s: %w", endpoint, err)
}

// Fixes that several findings share.
const (
	bootstrapAuth        = "start the API server with --enable-bootstrap-token-auth=true"
	runSigner            = "kube-controller-manager must run, with " + clusterinfo.Signer + " in its --controllers, as in " + allControllers
	runCleaner           = "kube-controller-manager must run, with " + clusterinfo.Cleaner + " in its --controllers, as in " + allControllers
	runApprover          = "kube-controller-manager must run, with csrapproving in its --controllers, as in --controllers=*"
	runCertificateSigner = "kube-controller-manager must run, with csrsigning in its --controllers, as in --controllers=*, and its --cluster-signing-cert-file and --cluster-signing-key-file must be valid"
	publish              = "bootctl cluster-info publish --endpoint " + placeholder + " --ca-file ca.crt"
	again                = "try again"

	allControllers = "--controllers=*,bootstrapsigner,tokencleaner"
	placeholder    = "ADDRESS" // of the API server, where doctor cannot know it
)

// timeText formats a time for message.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// failed returns the finding that a check failed with err.
func failed(err error, reason, fix string) Finding {
	return Finding{Status: FAIL, Reason: reason, Message: err.Error(), Fix: fix}
}

// diagnoseAdmin diagnoses the failure of a request made with the administrator's
// credentials.
func diagnoseAdmin(err error) Finding {
	found := diagnose(err)
	switch found.Reason {
	case Forbidden, Unreachable, CertificateUntrusted:
		found.Fix = failure.Of(err).Hint
	}
	return found
}

// diagnose diagnoses the failure of a request that a node made, or that was made as one.
func diagnose(err error) Finding {
	f := failure.Of(err)
	return failed(err, f.Reason, cmp.Or(fixes[f.Reason], f.Hint, again))
}

// fixes are the fixes for failed requests of a node, by reason code, if they differ
// from the hint for an administrator: they fix the cluster, not the command.
var fixes = map[string]string{
	AnonymousDisabled:    "start the API server with --anonymous-auth=true, or let its AuthenticationConfiguration take anonymous requests for cluster-info; or join with --discovery-file or --bootstrap-kubeconfig",
	AnonymousForbidden:   "bootctl setup",
	CAExpired:            "compare the clock of this machine, then renew the CA of the cluster and publish it: " + publish,
	CAInvalid:            publish,
	CARequired:           "say whom to trust: --ca-cert-hash or --ca-file",
	CSRNotFound:          again,
	CSRNotSigned:         runCertificateSigner,
	CSRPending:           runApprover,
	CSRReplaced:          again,
	CertificateInvalid:   "let kube-controller-manager sign with the CA that cluster-info names: --cluster-signing-cert-file",
	CertificateUntrusted: "give the API server a certificate of this CA for this address, or name an address that its certificate has: " + publish,
	ClockSkew:            "timedatectl set-ntp true, on whichever machine is wrong",
	ClusterInfoNotFound:  "bootctl setup --endpoint " + placeholder,
	Denied:               "see who denied it: bootctl csr list",
	DocumentInvalid:      publish,
	Forbidden:            "bootctl setup",
	IdentityRejected:     "let kube-apiserver run with --client-ca-file of the CA that kube-controller-manager signs with",
	PinMismatch:          "compare the pin with that of the administrator (bootctl cluster-info pin); where cluster-info has the wrong CA: " + publish,
	RefusedByServer:      "see what the API server says",
	SignatureInvalid:     "bootctl cluster-info sign",
	SignatureMissing:     "give nodes a token with the usage signing: bootctl token create; where it has that, " + runSigner,
	SignerFailed:         "the message says what the signer did not like; see the log of kube-controller-manager",
	TokenRejected:        "an administrator sees why: bootctl token check, with the ID of the token",
	Unreachable:          "check the address, the firewall, and that the API server listens there; where cluster-info names the wrong one: " + publish,
}

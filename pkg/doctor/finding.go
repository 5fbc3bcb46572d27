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

// most is how many objects of a kind are listed by name.
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
		return skip("needs a valid cluster-info")[0]
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
	return Finding{Status: WARN, Reason: Forbidden, Message: missing, Fix: "run bootctl doctor as a cluster administrator, or grant the missing permission; to list your permissions, run: kubectl auth can-i --list"}
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
	runSigner            = "start kube-controller-manager with the controller " + clusterinfo.Signer + " enabled: " + allControllers
	runCleaner           = "start kube-controller-manager with the controller " + clusterinfo.Cleaner + " enabled: " + allControllers
	runApprover          = "start kube-controller-manager with the controller csrapproving enabled: --controllers=*"
	runCertificateSigner = "start kube-controller-manager with the controller csrsigning enabled (--controllers=*) and with valid --cluster-signing-cert-file and --cluster-signing-key-file"
	publish              = "bootctl cluster-info publish --endpoint " + placeholder + " --ca-file ca.crt"
	again                = "run bootctl doctor again, with the same flags"

	allControllers = "--controllers=*,bootstrapsigner,tokencleaner"
	placeholder    = "ADDRESS" // of the API server, where doctor cannot know it
)

// timeText formats a time for a message.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// failed returns the finding that a check failed with err.
func failed(err error, reason, fix string) Finding {
	return Finding{Status: FAIL, Reason: reason, Message: kubeclient.Message(err), Fix: fix}
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
var fixes = map[string]string{ //nolint:gosec // the texts name flags and commands, not credentials
	AnonymousDisabled:    "start the API server with --anonymous-auth=true, or allow anonymous requests for cluster-info in its AuthenticationConfiguration; or join with the file printed by: bootctl token create -o bootstrap-kubeconfig",
	AnonymousForbidden:   "bootctl setup",
	CAExpired:            "check the clock of this machine, then renew the cluster's CA and publish it: " + publish,
	CAInvalid:            publish,
	CARequired:           "identify the cluster with --ca-cert-hash or --ca-file, as printed by: bootctl token create --print-join-command",
	CSRNotFound:          again,
	CSRNotSigned:         runCertificateSigner,
	CSRPending:           runApprover,
	CSRReplaced:          again,
	CertificateInvalid:   "start kube-controller-manager with the CA in cluster-info as its --cluster-signing-cert-file",
	CertificateUntrusted: "issue the API server a certificate from this CA for this address, or publish an address that its certificate is for: " + publish,
	ClockSkew:            "on the machine whose clock is wrong, run: timedatectl set-ntp true",
	ClusterInfoNotFound:  "bootctl setup --endpoint " + placeholder,
	Denied:               "list the CSRs and their decisions: bootctl csr list",
	DocumentInvalid:      publish,
	Forbidden:            "bootctl setup",
	IdentityRejected:     "start the API server with a --client-ca-file that contains the CA in kube-controller-manager's --cluster-signing-cert-file",
	PinMismatch:          "compare the pin with the administrator's: bootctl cluster-info pin; or, if cluster-info has the wrong CA, run: " + publish,
	RefusedByServer:      "correct what the API server's message names",
	SignatureInvalid:     "bootctl cluster-info sign",
	SignatureMissing:     "create a token with the signing usage: bootctl token create; or, if the token has that usage, " + runSigner,
	SignerFailed:         "correct what the signer's message names, or read the signer's log: kubectl -n kube-system logs -l component=kube-controller-manager",
	Unreachable:          "check the address, the firewall, and that the API server listens there; or, if cluster-info has the wrong address, run: " + publish,
}

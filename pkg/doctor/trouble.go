package doctor

import (
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

// Remedies that several findings share.
const (
	setClock             = "timedatectl set-ntp true, on whichever machine is wrong"
	bootstrapAuth        = "start the API server with --enable-bootstrap-token-auth=true"
	takeAnonymous        = "start the API server with --anonymous-auth=true, or let its AuthenticationConfiguration take anonymous requests for cluster-info; or join with --discovery-file or --bootstrap-kubeconfig"
	runSigner            = "kube-controller-manager must run, with " + clusterinfo.Signer + " in its --controllers, as in " + allControllers
	runCleaner           = "kube-controller-manager must run, with " + clusterinfo.Cleaner + " in its --controllers, as in " + allControllers
	runApprover          = "kube-controller-manager must run, with csrapproving in its --controllers, as in --controllers=*"
	runCertificateSigner = "kube-controller-manager must run, with csrsigning in its --controllers, as in --controllers=*, and its --cluster-signing-cert-file and --cluster-signing-key-file must be valid"
	publish              = "bootctl cluster-info publish --endpoint " + placeholder + " --ca-file ca.crt"
	again                = "try again"

	allControllers = "--controllers=*,bootstrapsigner,tokencleaner"
)

// diagnosis is the reason for an error, and what fixes it.
type diagnosis struct{ reason, remedy string }

// timeText formats a time for evidence.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// finding returns the finding that a check failed with err.
func (d diagnosis) finding(err error) Finding {
	return Finding{Status: FAIL, Reason: d.reason, Evidence: err.Error(), Remedy: d.remedy}
}

// diagnoseAdmin diagnoses the failure of a request made with the administrator's
// credentials.
func diagnoseAdmin(err error) diagnosis {
	switch {
	case apierrors.IsUnauthorized(err):
		return diagnosis{Unauthorized, "give credentials that the API server accepts: --kubeconfig or --context"}
	case apiclient.IsForbiddenByRBAC(err):
		return diagnosis{Forbidden, "run it as a cluster administrator, or grant what the evidence names"}
	}
	d := diagnose(err)
	if d.reason == EndpointUnreachable {
		return diagnosis{Unreachable, "check the address in the kubeconfig, that the API server runs, and a proxy in between"}
	}
	return d
}

// diagnose diagnoses the failure of a request that a node made, or that was made as one.
func diagnose(err error) diagnosis {
	var skew *clusterinfo.SkewError
	if errors.As(err, &skew) {
		return diagnosis{ClockSkew, setClock}
	}
	// At a deadline the error also matches one of the connection, so that comes last.
	for _, known := range []func(error) diagnosis{diagnoseClusterInfo, diagnoseRequest, diagnoseConnection} {
		if d := known(err); d.reason != "" {
			return d
		}
	}
	if apierrors.ReasonForError(err) != "" {
		return diagnosis{RefusedByServer, "see what the API server says"}
	}
	return diagnosis{Error, again}
}

// diagnoseConnection diagnoses why a node does not reach an API server that it may trust.
func diagnoseConnection(err error) diagnosis {
	switch {
	case errors.Is(err, clusterinfo.ErrNoTrust):
		return diagnosis{NoTrust, "say whom to trust: --ca-cert-hash or --ca-file"}
	case errors.Is(err, clusterinfo.ErrPinMismatch):
		return diagnosis{EndpointOtherCluster, fmt.Sprintf("compare the pin with that of the administrator (bootctl cluster-info pin); where cluster-info has the wrong CA: %s", publish)}
	case errors.Is(err, clusterinfo.ErrUnusableCA):
		return diagnosis{CAExpired, "compare the clock of this machine, then renew the CA of the cluster and publish it: " + publish}
	case apiclient.IsUntrusted(err):
		return diagnosis{EndpointUntrusted, "give the API server a certificate of this CA for this address, or name an address that its certificate has: " + publish}
	case errors.Is(err, clusterinfo.ErrNotAPIServer), errors.Is(err, apiclient.ErrRedirect), errors.Is(err, apiclient.ErrTooLarge):
		return diagnosis{NotAnAPIServer, "check the address; a proxy or a log-in page may answer in its place"}
	case apiclient.IsTrouble(err):
		return diagnosis{ServerTrouble, "try again, and see the log of the API server"}
	case errors.Is(err, apiclient.ErrNoAnswer), apiclient.IsUnreachable(err):
		return diagnosis{EndpointUnreachable, "check the address, the firewall, and that the API server listens there; where cluster-info names the wrong one: " + publish}
	}
	return diagnosis{}
}

// diagnoseClusterInfo diagnoses what is wrong with cluster-info or the token.
func diagnoseClusterInfo(err error) diagnosis {
	switch {
	case errors.Is(err, clusterinfo.ErrAnonymous) && apierrors.IsUnauthorized(err):
		return diagnosis{AnonymousDisabled, takeAnonymous}
	case errors.Is(err, clusterinfo.ErrAnonymous):
		return diagnosis{AnonymousForbidden, "bootctl setup"}
	case errors.Is(err, clusterinfo.ErrNotFound):
		return diagnosis{ClusterInfoMissing, "bootctl setup --endpoint " + placeholder}
	case errors.Is(err, clusterinfo.ErrDocument):
		return diagnosis{DocumentInvalid, publish}
	case errors.Is(err, clusterinfo.ErrChanged):
		return diagnosis{Changed, "someone may stand between, or cluster-info was written at this moment; try again once"}
	case errors.Is(err, clusterinfo.ErrSignature):
		return diagnosis{SignatureStale, "bootctl cluster-info sign"}
	case errors.Is(err, clusterinfo.ErrNotSignedYet):
		return diagnosis{SignerSilent, runSigner}
	case errors.Is(err, clusterinfo.ErrUnsigned), errors.Is(err, clusterinfo.ErrTokenNotSigned):
		return diagnosis{SignatureMissing, "give nodes a token with the usage signing: bootctl token create; where it has that, " + runSigner}
	case errors.Is(err, clusterinfo.ErrTokenRejected):
		return diagnosis{TokenRejected, "an administrator sees why: bootctl token check, with the ID of the token"}
	}
	return diagnosis{}
}

// diagnoseRequest diagnoses what became of a CSR and its certificate.
func diagnoseRequest(err error) diagnosis {
	switch {
	case errors.Is(err, csr.ErrDenied):
		return diagnosis{Denied, "see who denied it: bootctl csr list"}
	case errors.Is(err, csr.ErrFailed):
		return diagnosis{SignerFailed, "the evidence says what the signer did not like; see the log of kube-controller-manager"}
	case errors.Is(err, csr.ErrPending):
		return diagnosis{ApproverSilent, runApprover}
	case errors.Is(err, csr.ErrUnsigned):
		return diagnosis{CertificateSignerSilent, runCertificateSigner}
	case errors.Is(err, csr.ErrNotFound), errors.Is(err, csr.ErrReplaced):
		return diagnosis{RequestGone, again}
	case errors.Is(err, csr.ErrCertificate):
		return diagnosis{CertificateInvalid, "let kube-controller-manager sign with the CA that cluster-info names: --cluster-signing-cert-file"}
	case errors.Is(err, join.ErrRejected):
		return diagnosis{IdentityRejected, "let kube-apiserver run with --client-ca-file of the CA that kube-controller-manager signs with"}
	case apiclient.IsForbiddenByRBAC(err):
		return diagnosis{Forbidden, "bootctl setup"}
	}
	return diagnosis{}
}

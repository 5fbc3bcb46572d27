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

// trouble is what is wrong, and what mends it.
type trouble struct{ reason, remedy string }

// timeText is how evidence gives a time.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// finding is that the check failed with err.
func (t trouble) finding(check string, err error) Finding {
	return Finding{Check: check, Status: FAIL, Reason: t.reason, Evidence: err.Error(), Remedy: t.remedy}
}

// adminTrouble is why something failed that was asked with the administrator's
// credentials.
func adminTrouble(err error) trouble {
	switch {
	case apierrors.IsUnauthorized(err):
		return trouble{Unauthorized, "give credentials that the API server accepts: --kubeconfig or --context"}
	case apiclient.IsForbiddenByRBAC(err):
		return trouble{Forbidden, "run it as a cluster administrator, or grant what the evidence names"}
	}
	t := nodeTrouble(err)
	if t.reason == EndpointUnreachable {
		return trouble{Unreachable, "check the address in the kubeconfig, that the API server runs, and a proxy in between"}
	}
	return t
}

// nodeTrouble is why something failed that a node asked, or whoever stands in its
// place.
func nodeTrouble(err error) trouble {
	var skew *clusterinfo.SkewError
	if errors.As(err, &skew) {
		return trouble{ClockSkew, setClock}
	}
	// At a deadline the error matches one of the connection, too, so that comes last.
	for _, known := range []func(error) trouble{clusterInfoTrouble, requestTrouble, connectionTrouble} {
		if t := known(err); t.reason != "" {
			return t
		}
	}
	if apierrors.ReasonForError(err) != "" {
		return trouble{RefusedByServer, "see what the API server says"}
	}
	return trouble{Error, again}
}

// connectionTrouble is what keeps a node from an API server that it may believe.
func connectionTrouble(err error) trouble {
	switch {
	case errors.Is(err, clusterinfo.ErrNoTrust):
		return trouble{NoTrust, "say whom to trust: --ca-cert-hash or --ca-file"}
	case errors.Is(err, clusterinfo.ErrPinMismatch):
		return trouble{EndpointOtherCluster, fmt.Sprintf("compare the pin with that of the administrator (bootctl cluster-info pin); where cluster-info has the wrong CA: %s", publish)}
	case errors.Is(err, clusterinfo.ErrUnusableCA):
		return trouble{CAExpired, "compare the clock of this machine, then renew the CA of the cluster and publish it: " + publish}
	case apiclient.IsUntrusted(err):
		return trouble{EndpointUntrusted, "give the API server a certificate of this CA for this address, or name an address that its certificate has: " + publish}
	case errors.Is(err, clusterinfo.ErrNotAPIServer), errors.Is(err, apiclient.ErrRedirect), errors.Is(err, apiclient.ErrTooLarge):
		return trouble{NotAnAPIServer, "check the address; a proxy or a log-in page may answer in its place"}
	case apiclient.IsTrouble(err):
		return trouble{ServerTrouble, "try again, and see the log of the API server"}
	case errors.Is(err, apiclient.ErrNoAnswer), apiclient.IsUnreachable(err):
		return trouble{EndpointUnreachable, "check the address, the firewall, and that the API server listens there; where cluster-info names the wrong one: " + publish}
	}
	return trouble{}
}

// clusterInfoTrouble is what is wrong with cluster-info or the token.
func clusterInfoTrouble(err error) trouble {
	switch {
	case errors.Is(err, clusterinfo.ErrAnonymous) && apierrors.IsUnauthorized(err):
		return trouble{AnonymousDisabled, takeAnonymous}
	case errors.Is(err, clusterinfo.ErrAnonymous):
		return trouble{AnonymousForbidden, "bootctl setup"}
	case errors.Is(err, clusterinfo.ErrNotFound):
		return trouble{ClusterInfoMissing, "bootctl setup --endpoint " + placeholder}
	case errors.Is(err, clusterinfo.ErrDocument):
		return trouble{DocumentInvalid, publish}
	case errors.Is(err, clusterinfo.ErrChanged):
		return trouble{Changed, "someone may stand between, or cluster-info was written at this moment; try again once"}
	case errors.Is(err, clusterinfo.ErrSignature):
		return trouble{SignatureStale, "bootctl cluster-info sign"}
	case errors.Is(err, clusterinfo.ErrNotSignedYet):
		return trouble{SignerSilent, runSigner}
	case errors.Is(err, clusterinfo.ErrUnsigned), errors.Is(err, clusterinfo.ErrTokenNotSigned):
		return trouble{SignatureMissing, "give nodes a token with the usage signing: bootctl token create; where it has that, " + runSigner}
	case errors.Is(err, clusterinfo.ErrTokenRejected):
		return trouble{TokenRejected, "an administrator sees why: bootctl token check, with the ID of the token"}
	}
	return trouble{}
}

// requestTrouble is what became of a request and its certificate.
func requestTrouble(err error) trouble {
	switch {
	case errors.Is(err, csr.ErrDenied):
		return trouble{Denied, "see who denied it: bootctl csr list"}
	case errors.Is(err, csr.ErrFailed):
		return trouble{SignerFailed, "the evidence says what the signer did not like; see the log of kube-controller-manager"}
	case errors.Is(err, csr.ErrPending):
		return trouble{ApproverSilent, runApprover}
	case errors.Is(err, csr.ErrUnsigned):
		return trouble{CertificateSignerSilent, runCertificateSigner}
	case errors.Is(err, csr.ErrNotFound), errors.Is(err, csr.ErrReplaced):
		return trouble{RequestGone, again}
	case errors.Is(err, csr.ErrCertificate):
		return trouble{CertificateInvalid, "let kube-controller-manager sign with the CA that cluster-info names: --cluster-signing-cert-file"}
	case errors.Is(err, join.ErrRejected):
		return trouble{IdentityRejected, "let kube-apiserver run with --client-ca-file of the CA that kube-controller-manager signs with"}
	case apiclient.IsForbiddenByRBAC(err):
		return trouble{Forbidden, "bootctl setup"}
	}
	return trouble{}
}

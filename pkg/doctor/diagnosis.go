package doctor

import (
	"cmp"
	"time"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
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

// timeText formats a time for evidence.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// failed returns the finding that a check failed with err.
func failed(err error, reason, remedy string) Finding {
	return Finding{Status: FAIL, Reason: reason, Evidence: err.Error(), Remedy: remedy}
}

// diagnoseAdmin diagnoses the failure of a request made with the administrator's
// credentials.
func diagnoseAdmin(err error) Finding {
	f := failure.Of(err)
	switch f.Reason {
	case Unauthorized, Forbidden, Unreachable, CertificateUntrusted:
		return failed(err, f.Reason, f.Hint)
	}
	return diagnose(err)
}

// diagnose diagnoses the failure of a request that a node made, or that was made as one.
func diagnose(err error) Finding {
	f := failure.Of(err)
	return failed(err, f.Reason, cmp.Or(remedies[f.Reason], f.Hint, again))
}

// remedies are the remedies for failed requests of a node, by reason code, if they differ
// from the hint for an administrator: they fix the cluster, not the command.
var remedies = map[string]string{
	AnonymousDisabled:    takeAnonymous,
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
	ClockSkew:            setClock,
	ClusterInfoNotFound:  "bootctl setup --endpoint " + placeholder,
	Denied:               "see who denied it: bootctl csr list",
	DocumentInvalid:      publish,
	Forbidden:            "bootctl setup",
	IdentityRejected:     "let kube-apiserver run with --client-ca-file of the CA that kube-controller-manager signs with",
	PinMismatch:          "compare the pin with that of the administrator (bootctl cluster-info pin); where cluster-info has the wrong CA: " + publish,
	RefusedByServer:      "see what the API server says",
	SignatureInvalid:     "bootctl cluster-info sign",
	SignatureMissing:     "give nodes a token with the usage signing: bootctl token create; where it has that, " + runSigner,
	SignerFailed:         "the evidence says what the signer did not like; see the log of kube-controller-manager",
	TokenRejected:        "an administrator sees why: bootctl token check, with the ID of the token",
	Unreachable:          "check the address, the firewall, and that the API server listens there; where cluster-info names the wrong one: " + publish,
}

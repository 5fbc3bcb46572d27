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
	f := failure.Of(err)
	switch f.Reason {
	case Unauthorized, Forbidden, Unreachable, CertificateUntrusted:
		return trouble{f.Reason, f.Hint}
	}
	return nodeTrouble(err)
}

// nodeTrouble is why something failed that a node asked, or whoever stands in its
// place.
func nodeTrouble(err error) trouble {
	f := failure.Of(err)
	if remedy, differs := remedies[f.Reason]; differs {
		return trouble{f.Reason, remedy}
	}
	return trouble{f.Reason, cmp.Or(f.Hint, again)}
}

// remedies are those for what a node meets, by the reason code, where they differ from
// the hint for an administrator: the cluster is to be put right, not the command.
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

package failure

import (
	"errors"
	"io/fs"
	"os"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

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

// FailedCommand is the placeholder in hints for the command that failed.
const FailedCommand = "bootctl COMMAND"

// helpHint is the hint for an invalid command line.
const helpHint = "see: " + FailedCommand + " --help"

// table has every row but unknown.
var table = []row{
	// The command line itself.
	{reason: "Interrupted", exit: ExitInterrupted, when: is(ErrInterrupted)},
	{reason: "Terminated", exit: ExitTerminated, when: is(ErrTerminated)},
	{reason: "Usage", exit: ExitUsage, when: is(ErrUsage), hint: helpHint, fill: usageHint},
	{reason: "ConfirmationRequired", exit: ExitUsage, when: is(ErrConfirmationRequired),
		hint: "run the same command again with --yes to skip the prompt; nothing was changed", fill: confirmationHint},
	{reason: "NoKubeconfig", exit: ExitUsage, when: is(ErrNoKubeconfig),
		hint: "set --kubeconfig or KUBECONFIG, or start a cluster on this machine: bootctl lab up"},
	{reason: "InvalidKubeconfig", exit: ExitUsage, when: is(ErrInvalidKubeconfig), yields: true,
		hint: "list the contexts, and select one with --context or another file with --kubeconfig: kubectl config get-contexts"},
	{reason: "LoopbackEndpoint", exit: ExitUsage, when: is(ErrLoopbackEndpoint),
		hint: "set an address that nodes can reach, or the loopback address explicitly: bootctl COMMAND --endpoint ADDRESS"},
	{reason: "NotReady", exit: ExitRefused, when: is(ErrNotReady),
		hint: "apply the fixes above, then check the cluster again: bootctl doctor"},
	{reason: "SeveralFailures", exit: ExitError, when: is(errSeveral),
		hint: "see the warning for each failure above"},
	{reason: "Template", exit: ExitError, when: as[*TemplateError],
		hint: "use -o json to see the object; the command itself succeeded"},
	{reason: "Unsupported", exit: ExitError, when: is(errors.ErrUnsupported, lab.ErrUnsupported)},

	// The connection to an API server, and its answers.
	{reason: "Unreachable", exit: ExitUnreachable, retry: true, yields: true, // its cause may have a row
		when: anyOf(is(kubeclient.ErrNoAnswer), kubeclient.IsUnreachable),
		hint: "check the address in the kubeconfig, the API server, and any proxy in between: kubectl config view --minify",
		node: "check the address, the API server, and any proxy in between: bootctl doctor --endpoint HOST:PORT", fill: downloadHint},
	{reason: "ProxyRefused", exit: ExitUnreachable, retry: true, when: as[*kubeclient.ProxyError],
		hint: `connect to the API server without a proxy: export NO_PROXY="$NO_PROXY,HOST"`,
		node: `connect without a proxy: bootctl join --no-proxy; or: export NO_PROXY="$NO_PROXY,HOST"`},
	{reason: "CertificateUntrusted", exit: ExitNotVerified, when: kubeclient.IsUntrusted,
		hint: "compare the address and the CA in the kubeconfig with the cluster's, and check this machine's clock: kubectl config view --minify",
		node: "compare the CA of the API server at this address with the administrator's (no secret was sent): bootctl cluster-info show --endpoint HOST:PORT", fill: downloadHint},
	{reason: "NotAnAPIServer", exit: ExitNotVerified,
		when: is(kubeclient.ErrNotAPIServer, kubeclient.ErrRedirect, kubeclient.ErrTooLarge),
		hint: "see what answers at this address, such as a proxy or a login page: curl -ki https://HOST:PORT/version", fill: downloadHint},
	{reason: "ServerUnavailable", exit: ExitTimeout, retry: true, when: except(kubeclient.IsServerError, hasReason),
		hint: "check the API server and its connection to etcd, then retry: kubectl get --raw '/readyz?verbose'",
		node: "retry later, or ask an administrator to check the API server and its connection to etcd: kubectl get --raw '/readyz?verbose'"},
	{reason: "CredentialPlugin", exit: ExitForbidden, when: kubeclient.IsCredentialPlugin,
		hint: "run the kubeconfig's exec command yourself to see why it fails: kubectl config view --minify -o jsonpath='{.users[0].user.exec}'"},
	{reason: "Unauthorized", exit: ExitForbidden, when: apierrors.IsUnauthorized,
		hint: "check the credentials in the kubeconfig, or select others with --kubeconfig or --context: kubectl config view --minify"},
	{reason: "Forbidden", exit: ExitForbidden, when: anyOf(as[*kubeclient.MissingPermissionError], kubeclient.IsForbiddenByRBAC),
		hint: "run the command as a cluster administrator, or grant the permission that the error names; to list your permissions, run: kubectl auth can-i --list",
		node: "ask an administrator to run: bootctl setup"},
	{reason: "RefusedByServer", exit: ExitRefused,
		when: except(as[*apierrors.StatusError], anyOf(hasReason, kubeclient.IsServerError))},
	{reason: "Conflict", exit: ExitConflict, retry: true, when: kubeclient.IsConflict,
		hint: "run the same command again: another client changed the object at the same time"},
	{reason: "DiscoveryFileNotFound", exit: ExitNotFound, when: is(kubeclient.ErrDownload),
		hint: "compare the URL with the administrator's, or ask the administrator for a file instead: bootctl token create -o bootstrap-kubeconfig"},

	// cluster-info, its signatures, and the trust in its CA.
	{reason: "ClusterInfoNotFound", exit: ExitNotFound, when: is(clusterinfo.ErrNotFound),
		hint: "prepare the cluster: bootctl setup",
		node: "ask an administrator to run: bootctl setup"},
	{reason: "AnonymousDisabled", exit: ExitForbidden,
		when: func(err error) bool { return errors.Is(err, clusterinfo.ErrAnonymous) && apierrors.IsUnauthorized(err) },
		hint: "start the API server with --anonymous-auth=true, or join with a file that an administrator creates: bootctl token create -o bootstrap-kubeconfig"},
	{reason: "AnonymousForbidden", exit: ExitForbidden,
		when: except(is(clusterinfo.ErrAnonymous), apierrors.IsUnauthorized),
		hint: "let anonymous requests read cluster-info: bootctl setup",
		node: "ask an administrator to run: bootctl setup"},
	{reason: "DocumentInvalid", exit: ExitNotVerified, when: is(clusterinfo.ErrDocument),
		hint: "publish cluster-info again: bootctl cluster-info publish --endpoint ADDRESS",
		node: "ask an administrator to run: bootctl cluster-info publish --endpoint ADDRESS"},
	{reason: "SignatureInvalid", exit: ExitNotVerified, when: is(clusterinfo.ErrSignature),
		hint: "sign cluster-info again: bootctl cluster-info sign",
		node: "ask an administrator whether the token belongs to this cluster, and to sign cluster-info again: bootctl cluster-info sign"},
	{reason: "SignatureStale", exit: ExitNotVerified, retry: true, when: signatureIs(clusterinfo.Stale),
		hint: "if kube-controller-manager runs the bootstrapsigner controller, wait a second and retry; otherwise run: bootctl cluster-info sign"},
	{reason: "SignatureMalformed", exit: ExitNotVerified, retry: true, when: signatureIs(clusterinfo.Malformed),
		hint: "if kube-controller-manager runs the bootstrapsigner controller, wait a second and retry; otherwise run: bootctl cluster-info sign"},
	{reason: "SignatureMissing", exit: ExitNotVerified, retry: true,
		when: anyOf(is(discovery.ErrUnsigned, discovery.ErrTokenNotSigned, clusterinfo.ErrNotSignedYet, clusterinfo.ErrNoSigningToken),
			signatureIs(clusterinfo.Missing)),
		hint: "sign cluster-info with a token that has the signing usage: bootctl cluster-info sign",
		node: "ask an administrator for a token with the signing usage, and to run: bootctl cluster-info sign"},
	{reason: "ClusterInfoChanged", exit: ExitNotVerified, retry: true, when: is(discovery.ErrChanged),
		hint: "run the same command again; if cluster-info changes again, this is a possible man-in-the-middle: compare the pin with the cluster's: bootctl cluster-info pin"},
	{reason: "PinMismatch", exit: ExitNotVerified, when: is(clusterinfo.ErrPinMismatch),
		hint: "compare the pin with the cluster's: bootctl cluster-info pin",
		node: "ask an administrator for the current pin, because this is a different cluster or a possible man-in-the-middle: bootctl cluster-info pin", fill: pinHint},
	{reason: "CAExpired", exit: ExitNotVerified, when: is(clusterinfo.ErrCAExpired),
		hint: "compare this machine's clock with the dates of the cluster's CA, and renew an expired CA: bootctl cluster-info show",
		node: "check this machine's clock, or ask an administrator to renew the cluster's CA: timedatectl"},
	{reason: "CAInvalid", exit: ExitNotVerified, when: except(is(clusterinfo.ErrUnusableCA), is(clusterinfo.ErrCAExpired)),
		hint: "publish a CA certificate that may sign certificates: bootctl cluster-info publish --endpoint ADDRESS --ca-file FILE",
		node: "ask an administrator for the pin of a CA certificate: bootctl cluster-info pin"},
	{reason: "CARequired", exit: ExitUsage, when: is(discovery.ErrNoTrust),
		hint: "set --ca-cert-hash or --ca-file, as printed by: bootctl token create --print-join-command"},
	{reason: "ClockSkew", exit: ExitNotVerified, when: as[*discovery.SkewError],
		hint: "set the clock of this machine: timedatectl set-ntp true"},
	{reason: "TokenRejected", exit: ExitForbidden, when: is(discovery.ErrTokenRejected),
		hint: "see why the API server rejects the token: bootctl token check ID",
		node: "ask an administrator to run: bootctl token check ID"},
	{reason: "InvalidPin", exit: ExitUsage, when: is(clusterinfo.ErrInvalidPin),
		hint: "use sha256: followed by 64 hex digits, as printed by: bootctl token create --print-join-command"},
	{reason: "InvalidEndpoint", exit: ExitUsage, when: is(clusterinfo.ErrInvalidEndpoint),
		hint: "use an address such as 192.0.2.1:6443, [2001:db8::1]:6443 or https://host:6443, as printed by: bootctl token create --print-join-command"},

	// Bootstrap tokens.
	{reason: "TokenNotFound", exit: ExitNotFound, when: is(token.ErrNotFound),
		hint: "list the tokens: bootctl token list; expired tokens are deleted, so create another: bootctl token create"},
	{reason: "TokenUnusable", exit: ExitNotVerified, when: is(token.ErrUnusable),
		hint: "create another token: bootctl token create; or extend one that has only expired: bootctl token extend ID --ttl 24h"},
	{reason: "TokenExists", exit: ExitConflict, when: is(token.ErrExists),
		hint: "omit TOKEN to generate one, or delete it first: bootctl token delete ID"},
	{reason: "TokenSecretMismatch", exit: ExitConflict, when: is(token.ErrOtherSecret),
		hint: "check the token in the cluster without its secret: bootctl token check ID"},
	{reason: "NotAToken", exit: ExitConflict, when: is(token.ErrNotToken),
		hint: "inspect the Secret: kubectl -n kube-system get secret bootstrap-token-ID -o yaml"},
	{reason: "TokenChanged", exit: ExitConflict, when: is(token.ErrChanged),
		hint: "list the tokens, then retry: bootctl token list"},
	{reason: "InvalidToken", exit: ExitUsage, when: is(token.ErrInvalid),
		hint: "use an ID of 6 characters, a dot, and a secret of 16 characters, all from a-z and 0-9, as printed by: bootctl token create"},
	{reason: "WeakToken", exit: ExitUsage, when: is(token.ErrWeak),
		hint: "create a random token instead: bootctl token create; or, for a lab, pass --allow-weak"},
	{reason: "InvalidTokenSpec", exit: ExitUsage, when: is(token.ErrInvalidSpec), hint: helpHint},

	// CSRs and their certificates.
	{reason: "CSRNotFound", exit: ExitNotFound, when: is(csr.ErrNotFound),
		hint: "list the CSRs: bootctl csr list"},
	{reason: "CSRPending", exit: ExitTimeout, retry: true, when: is(csr.ErrPending),
		hint: "approve the CSR: bootctl csr approve NAME",
		node: "ask an administrator to run bootctl csr approve NAME, then run the same command again"},
	{reason: "CSRNotSigned", exit: ExitTimeout, retry: true, when: is(csr.ErrUnsigned),
		hint: "start the csrsigning controller of kube-controller-manager, or the signer that the CSR names: bootctl csr review NAME",
		node: "ask an administrator to find out which signer is not running: bootctl csr review NAME"},
	{reason: "CSRReplaced", exit: ExitConflict, when: is(csr.ErrReplaced),
		hint: "review the CSR that now has this name: bootctl csr review NAME"},
	{reason: "CSRDiffers", exit: ExitConflict, when: is(csr.ErrDiffers),
		hint: "delete the CSR with that name: bootctl csr delete NAME",
		node: "ask an administrator to run: bootctl csr delete NAME"},
	{reason: "CSRStillPending", exit: ExitRefused, when: is(approval.ErrUndecided),
		hint: "deny the CSR first: bootctl csr deny NAME --reason NotNeeded"},
	{reason: "AlreadyApproved", exit: ExitConflict, when: is(approval.ErrApproved),
		hint: "remove the permissions of the certificate's user instead, because a certificate cannot be revoked: kubectl get clusterrolebindings,rolebindings -A -o wide"},
	{reason: "Denied", exit: ExitRefused, when: is(csr.ErrDenied),
		hint: "delete the CSR so that the requester can submit it again: bootctl csr delete NAME",
		node: "ask an administrator to run bootctl csr delete NAME, then run the same command again; or use another key: bootctl join --new-key"},
	{reason: "SignerFailed", exit: ExitRefused, when: is(csr.ErrFailed),
		hint: "correct what the signer's message names, then delete the CSR: bootctl csr delete NAME",
		node: "ask an administrator to correct what the signer's message names, then to run: bootctl csr delete NAME"},
	{reason: "PolicyViolation", exit: ExitRefused, when: as[*approval.PolicyViolationError],
		hint: "review the CSR before overriding these rules with --force: bootctl csr review NAME",
		fill: violationHint},
	{reason: "ConflictingCSRs", exit: ExitConflict, when: as[*approval.ConflictError],
		hint: "compare the fingerprints with the node's, then approve its CSR: bootctl csr approve --node NODE --fingerprint FINGERPRINT"},
	{reason: "AmbiguousCSR", exit: ExitConflict, when: is(approval.ErrAmbiguousCSR),
		hint: "list the CSRs and name one: bootctl csr list --pending"},
	{reason: "FingerprintMismatch", exit: ExitConflict, when: is(approval.ErrFingerprintMismatch),
		hint: "compare the fingerprint with the node's again, because another machine may have created this CSR: bootctl csr review NAME"},
	{reason: "CertificateInvalid", exit: ExitNotVerified, when: is(csr.ErrCertificate),
		hint: "check which CA signs for this cluster (kube-controller-manager's --cluster-signing-cert-file): bootctl doctor",
		node: "ask an administrator which signer issues for this cluster, then request another certificate: bootctl join --new-key"},
	{reason: "InvalidFingerprint", exit: ExitUsage, when: is(csr.ErrInvalidFingerprint),
		hint: "copy the fingerprint from the output of bootctl join on the node, or from: bootctl csr review NAME"},
	{reason: "InvalidCSR", exit: ExitUsage, when: is(csr.ErrUnfit, csr.ErrInvalidRequest, csr.ErrInvalidSAN), hint: helpHint},
	{reason: "InvalidKey", exit: ExitUsage, when: is(csr.ErrInvalidKey),
		hint: "use a file with a private key in PEM, or a path where no file exists yet"},
	{reason: "InvalidNodeName", exit: ExitUsage, when: is(csr.ErrInvalidNodeName),
		hint: "use a name such as worker-1.example.com"},

	// The node credentials on disk, and the files with which a node joins.
	{reason: "NotJoined", exit: ExitNotVerified, when: is(join.ErrNotJoined), yields: true, // the reason why it cannot join may have a row
		hint: "join the node with an endpoint, a token and a pin: bootctl join --help"},
	{reason: "IdentityExpired", exit: ExitNotVerified, when: is(join.ErrExpired),
		hint: "join again with a token from an administrator: bootctl token create --print-join-command"},
	{reason: "DifferentIdentity", exit: ExitConflict, when: is(join.ErrForeign),
		hint: "use the node name, pins, and CA of the existing node credentials, or replace them, with the same flags: bootctl join --force"},
	{reason: "IdentityInvalid", exit: ExitNotVerified, when: is(join.ErrInvalid),
		hint: "replace the node credentials, with the flags for a join: bootctl join --force"},
	{reason: "IdentityRejected", exit: ExitNotVerified, when: is(join.ErrRejected),
		hint: "if the cluster was created again, replace the node credentials, with the flags for a join: bootctl join --force"},
	{reason: "DiscoveryFileInvalid", exit: ExitNotVerified, when: is(join.ErrDiscoveryFile),
		hint: "publish a kubeconfig with one https server and its CA at the URL, as printed by: bootctl cluster-info show -o kubeconfig"},
	{reason: "InvalidDiscoveryFile", exit: ExitUsage, when: is(join.ErrFile),
		hint: "use a kubeconfig with one https server, its CA, and at most a token or a client certificate, as printed by: bootctl token create -o bootstrap-kubeconfig"},

	// Setup.
	{reason: "SetupDiffers", exit: ExitConflict, when: is(setup.ErrDiffers),
		hint: "review the differences, then overwrite the objects, with the same flags: bootctl setup --force"},

	// The lab.
	{reason: "LabNotStarted", exit: ExitNotFound, when: is(ErrLabNotStarted),
		hint: "start the lab with the same --dir: bootctl lab up"},
	{reason: "LabNotReady", exit: ExitTimeout, retry: true, when: is(ErrLabNotReady),
		hint: "read the lab's log with the same --dir: bootctl lab logs"},
	{reason: "LabDiffers", exit: ExitConflict, when: is(lab.ErrDiffers),
		hint: "stop the lab first, with the same --dir: bootctl lab down"},
	{reason: "NotALab", exit: ExitConflict, when: is(lab.ErrNotALab),
		hint: "use another directory, or move its files away: bootctl lab up --dir DIR"},
	{reason: "LabPortTaken", exit: ExitConflict, when: gaveUp("PortTaken"),
		hint: "stop the process that listens on the port, or delete the lab's address and data with the same --dir: bootctl lab down --delete"},
	{reason: "LabFiles", exit: ExitLocal, when: gaveUp("LocalFile"),
		hint: "read the lab's log with the same --dir: bootctl lab logs"},
	{reason: "InvalidComponentFlag", exit: ExitUsage, when: gaveUp("InvalidComponentFlag"),
		hint: "use a flag from the component's reference in the Kubernetes documentation, such as: bootctl lab up --kube-apiserver-arg anonymous-auth=false"},
	{reason: "LabFailed", exit: ExitError,
		when: except(as[*lab.StartError], gaveUp("PortTaken", "LocalFile", "InvalidComponentFlag")),
		hint: "read the lab's log with the same --dir: bootctl lab logs"},
	{reason: "UnknownController", exit: ExitUsage, when: as[*lab.UnknownControllerError], hint: helpHint},
	{reason: "LabNotInstalled", exit: ExitLocal, when: is(lab.ErrNotInstalled),
		hint: "download bootctl-lab from the same release as bootctl, or build it next to bootctl: make lab"},
	{reason: "LabVersion", exit: ExitLocal, when: as[*lab.VersionError],
		hint: "download bootctl and bootctl-lab from the same release, or build both from one checkout: make build lab"},

	// Local files.
	{reason: "Locked", exit: ExitLocal, retry: true, when: is(durable.ErrLocked),
		hint: "wait until the other bootctl process that uses these files has exited: pgrep -a bootctl"},
	{reason: "LocalFile", exit: ExitLocal,
		when: anyOf(is(ErrWrite, durable.ErrForeignOwner, durable.ErrNotRegular, durable.ErrOutside), as[*fs.PathError], as[*os.LinkError]),
		fill: fileHint},
}

package failure

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
)

// signatureIs returns a condition for signatures that an administrator found to be in
// the state.
func signatureIs(state string) func(error) bool {
	return func(err error) bool {
		var invalid *clusterinfo.SignatureError
		return errors.As(err, &invalid) && invalid.State == state
	}
}

// Rows of cluster-info, its signatures, and the trust in its CA.
var clusterInfoRows = []row{
	{reason: "ClusterInfoNotFound", exit: ExitNotFound, when: is(clusterinfo.ErrNotFound),
		hint: "prepare the cluster: bootctl setup --endpoint ADDRESS",
		node: "ask an administrator to run: bootctl setup"},
	{reason: "AnonymousDisabled", exit: ExitForbidden,
		when: func(err error) bool { return errors.Is(err, clusterinfo.ErrAnonymous) && apierrors.IsUnauthorized(err) },
		hint: "start the API server with --anonymous-auth=true, or join with --discovery-file or --bootstrap-kubeconfig"},
	{reason: "AnonymousForbidden", exit: ExitForbidden,
		when: func(err error) bool {
			return errors.Is(err, clusterinfo.ErrAnonymous) && !apierrors.IsUnauthorized(err)
		},
		hint: "let anonymous requests read cluster-info: bootctl setup",
		node: "ask an administrator to run: bootctl setup"},
	{reason: "DocumentInvalid", exit: ExitNotVerified, when: is(clusterinfo.ErrDocument),
		hint: "write it again: bootctl cluster-info publish --endpoint ADDRESS",
		node: "ask an administrator to run: bootctl cluster-info publish --endpoint ADDRESS"},
	{reason: "SignatureInvalid", exit: ExitNotVerified, when: is(clusterinfo.ErrSignature),
		hint: "sign cluster-info again: bootctl cluster-info sign",
		node: "compare the token with the administrator's: it is of another cluster, or cluster-info was changed and not signed again"},
	{reason: "SignatureStale", exit: ExitNotVerified, when: signatureIs(clusterinfo.Stale),
		hint: "sign cluster-info again unless bootstrap-signer does within a second: bootctl cluster-info sign"},
	{reason: "SignatureMalformed", exit: ExitNotVerified, when: signatureIs(clusterinfo.Malformed),
		hint: "sign cluster-info again unless bootstrap-signer does within a second: bootctl cluster-info sign"},
	{reason: "SignatureMissing", exit: ExitNotVerified,
		when: anyOf(is(discovery.ErrUnsigned, discovery.ErrTokenNotSigned, clusterinfo.ErrNotSignedYet, clusterinfo.ErrNoSigningToken),
			signatureIs(clusterinfo.Missing)),
		hint: "sign cluster-info with a token that has the signing usage: bootctl cluster-info sign",
		node: "ask an administrator for a token with the signing usage, and to run: bootctl cluster-info sign"},
	{reason: "ClusterInfoChanged", exit: ExitNotVerified, when: is(discovery.ErrChanged),
		hint: "retry once: cluster-info was written at this moment, or this is a possible man-in-the-middle"},
	{reason: "PinMismatch", exit: ExitNotVerified, when: is(clusterinfo.ErrPinMismatch),
		hint: "compare the pin with the cluster's: bootctl cluster-info pin",
		node: "get the pin from an administrator: bootctl cluster-info pin; this is a different cluster, or a possible man-in-the-middle"},
	{reason: "CAExpired", exit: ExitNotVerified, when: is(clusterinfo.ErrCAExpired),
		hint: "compare this machine's clock with the dates of the cluster's CA, and renew an expired CA",
		node: "compare this machine's clock with the dates of the cluster's CA"},
	{reason: "CAInvalid", exit: ExitNotVerified, when: except(is(clusterinfo.ErrUnusableCA), is(clusterinfo.ErrCAExpired)),
		hint: "publish a CA certificate that may sign certificates: bootctl cluster-info publish --endpoint ADDRESS --ca-file FILE",
		node: "get the pin of a CA certificate from an administrator: bootctl cluster-info pin"},
	{reason: "CARequired", exit: ExitUsage, when: is(discovery.ErrNoTrust),
		hint: "set --ca-cert-hash or --ca-file, as bootctl token create --print-join-command prints it"},
	{reason: "ClockSkew", exit: ExitNotVerified, when: as[*discovery.SkewError],
		hint: "set the clock of this machine: timedatectl set-ntp true"},
	{reason: "TokenRejected", exit: ExitForbidden, when: is(discovery.ErrTokenRejected),
		hint: "see why the API server rejects the token: bootctl token check ID",
		node: "ask an administrator to run: bootctl token check ID"},
	{reason: "InvalidPin", exit: ExitUsage, when: is(clusterinfo.ErrInvalidPin),
		hint: "give sha256: and 64 hex digits, as bootctl token create --print-join-command prints it"},
	{reason: "InvalidEndpoint", exit: ExitUsage, when: is(clusterinfo.ErrInvalidEndpoint),
		hint: "give an address such as 192.0.2.1:6443, [2001:db8::1]:6443 or https://host:6443"},
}

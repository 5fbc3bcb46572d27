package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/internal/safe"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// Errors of the command line itself.
var (
	errInterrupted = errors.New("interrupted")
	errTerminated  = errors.New("terminated")
	errWrite       = errors.New("cannot write the result")
	errLoopback    = errors.New("only this machine can reach a loopback address")
	errInput       = errors.New("the command line does not fit together")
	errOtherKey    = errors.New("it is for another key than the fingerprint says")
	errSeveralFit  = errors.New("several requests fit, and one is meant")
	errSeveral     = errors.New("several things failed, and not alike")
	errNotRunning  = errors.New("the lab is not running")
	errLabNotReady = errors.New("the lab is not ready in time")
)

// exitEntry is a row of the table from errors to exit codes.
type exitEntry struct {
	code   int
	reason string
	match  func(error) bool
	hint   string
}

func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
}

func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// startError matches a lab that gave up for the given reason.
func startError(reason string) func(error) bool {
	return func(err error) bool {
		var failed *lab.StartError
		return errors.As(err, &failed) && failed.Reason == reason
	}
}

// exitTable maps each error to its exit code, reason word and hint. The first
// row that matches counts. docs/exit-codes.md is printed from it.
//
//nolint:revive // a table, a line an entry
func exitTable() []exitEntry {
	return []exitEntry{
		{130, "Interrupted", is(errInterrupted), ""},
		{143, "Terminated", is(errTerminated), ""},

		{4, "IdentityExpired", is(join.ErrExpired), "join with a token: the node asks anew, under the same name"},

		{2, "Usage", as[usageError], ""},
		{2, "Usage", is(errInput), ""},
		{2, "Unconfirmed", is(errUnconfirmed), "nothing was changed; --yes says yes beforehand"},
		{2, "NoKubeconfig", is(errNoKubeconfig), "give --kubeconfig, set KUBECONFIG, or for a cluster on this machine run: bootctl lab up"},

		{9, "ForeignIdentity", is(join.ErrForeign), "give the node name, pins and CA that they are of; or let join replace them: --force"},
		{4, "ClockSkew", as[*clusterinfo.SkewError], "set the clock of this machine, then run the same command again"},
		{4, "IdentityInvalid", is(join.ErrInvalid), "join --force replaces it"},
		{4, "IdentityRejected", is(join.ErrRejected), "the cluster may have been made anew; join --force asks it for another identity"},
		{4, "DiscoveryFileInvalid", is(errDownloaded), "it must be a kubeconfig with one https server and its CA"},
		{2, "InvalidDiscoveryFile", is(join.ErrFile), "it must have one https server, its CA, and at most a token or a client certificate, as token create -o bootstrap-kubeconfig prints it"},

		{4, "DocumentInvalid", is(clusterinfo.ErrDocument), "an administrator writes it anew: bootctl cluster-info publish --endpoint ADDRESS"},
		{4, "SignatureInvalid", is(clusterinfo.ErrSignature), "the token is of another cluster, or cluster-info was changed and not signed again"},
		{4, "PinMismatch", is(clusterinfo.ErrPinMismatch), "this is another cluster than the pin was made for, or someone stands between; get the pin anew from the administrator"},
		{4, "CAUnusable", is(clusterinfo.ErrUnusableCA), "compare the clock of this machine, then the dates of the cluster's CA"},
		{4, "Changed", is(clusterinfo.ErrChanged), "someone may stand between, or cluster-info was written at this moment; try again once"},
		{4, "NotVerified", is(clusterinfo.ErrNotVerified), "where the bootstrap signer runs, it mends this in a second; else: bootctl cluster-info sign"},
		{4, "SignatureMissing", is(clusterinfo.ErrUnsigned, clusterinfo.ErrNoSigningToken), "create the token with the usage signing; the bootstrap signer must run in the control plane"},
		{4, "TokenNotSigned", is(clusterinfo.ErrTokenNotSigned), "give the token the usage signing; where it has it, the bootstrap signer does not run"},
		{4, "CertificateInvalid", is(csr.ErrCertificate), "nothing was written; ask the administrator which signer issues for this cluster; once that is right, join --new-key asks anew"},
		{4, "Untrusted", apiclient.IsUntrusted, "the server's certificate is not from a trusted CA, or not for this address; nothing secret was sent"},
		{4, "Redirected", is(apiclient.ErrRedirect), "something else than an API server answers at this address; nothing was sent on"},
		{4, "NotAnAPIServer", is(clusterinfo.ErrNotAPIServer), "check the address; a proxy or a log-in page may answer in its place"},
		{4, "TooLarge", is(apiclient.ErrTooLarge), "something else than an API server answers at this address"},

		{4, "TokenUnusable", is(token.ErrUnusable), "make another: bootctl token create; where its end is all that is wrong: bootctl token extend"},
		{4, "NotSignedYet", is(clusterinfo.ErrNotSignedYet), "the token is there; sign with it yourself: bootctl cluster-info sign"},

		{8, "TokenRejected", is(clusterinfo.ErrTokenRejected), "it is unknown here, expired, deleted or not for authentication, or has another secret; an administrator sees which with bootctl token check --token-file, or with its ID"},
		{8, "AnonymousRefused", is(clusterinfo.ErrAnonymous), "let anonymous requests read cluster-info: bootctl setup"},
		{8, "CredentialPlugin", apiclient.IsCredentialPlugin, "run the command by hand that the kubeconfig has under exec"},
		{8, "Unauthorized", apierrors.IsUnauthorized, "the credentials in the kubeconfig are not accepted"},
		{8, "Forbidden", apiclient.IsForbiddenByRBAC, "grant what the error names; a joining node gets its rights through the groups of its token: bootctl setup"},

		{8, "Forbidden", as[*apiclient.MissingPermissionError], "let a cluster administrator run it, or grant what the error names: to approve and deny it takes update on certificatesigningrequests/approval, and approve on the signer by its name or as DOMAIN/*"},

		{5, "Denied", is(csr.ErrDenied), "an administrator deletes the request with bootctl csr delete and its name, then the same command asks again; or ask with another key: join --new-key"},
		{5, "SignerFailed", is(csr.ErrFailed), "its message says what the signer did not like; an administrator deletes the request with bootctl csr delete and its name"},
		{5, "OutsideRules", as[*csr.OutsideRulesError], "see all that is known of it with bootctl csr review and its name; deny it, or name its signer with --signer where that is the rule"},
		{5, "Undecided", is(csr.ErrUndecided), "deny it first: bootctl csr deny and its name"},
		{5, "RefusedByServer", func(err error) bool {
			return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
		}, ""},

		{5, "NotReady", is(errNotReady), "bootctl doctor prints the remedy of each below it"},

		{6, "Pending", is(csr.ErrPending), "an administrator approves it with bootctl csr approve and its name; the same command then goes on where it stopped"},
		{6, "ApprovedNotSigned", is(csr.ErrUnsigned), "the signer does not run: the csrsigning controller of the control plane issues certificates"},

		{3, "TokenNotFound", is(token.ErrNotFound), "see which there are: bootctl token list"},
		{3, "RequestNotFound", is(csr.ErrNotFound), "see which there are: bootctl csr list"},
		{3, "ClusterInfoNotFound", is(clusterinfo.ErrNotFound), "prepare the cluster: bootctl setup"},

		{9, "TokenExists", is(token.ErrExists), "delete it first, or leave the ID to bootctl"},
		{9, "OtherSecret", is(token.ErrOtherSecret), "name it by its ID alone, if the cluster's token is meant"},
		{9, "NotAToken", is(token.ErrNotToken), "look at it, and delete it with kubectl if it was meant to be one"},
		{9, "TokenChanged", is(token.ErrChanged), "look at it: bootctl token list; then try again"},
		{9, "RequestDiffers", is(csr.ErrDiffers), "an administrator deletes the request of that name"},
		{9, "OtherKey", is(errOtherKey), "someone else may ask under this name; compare the fingerprint at the node again"},
		{9, "SeveralRequests", as[*csr.RivalsError], "ask at the node for the fingerprint of its key: bootctl csr approve --node and its name, with --fingerprint"},
		{9, "SeveralFit", is(errSeveralFit), "see them with: bootctl csr list"},
		{9, "AlreadyApproved", is(csr.ErrApproved), "a certificate that was issued cannot be taken back, and is valid until it ends"},
		{9, "RequestReplaced", is(csr.ErrReplaced), "look at the request that has the name now: bootctl csr list"},
		{9, "SetupDiffers", is(setup.ErrDiffers), "look at what differs; bootctl setup with the same flags and --force makes it so"},
		{9, "Conflict", func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }, "someone changed it at the same time; try again"},

		{2, "InvalidToken", is(token.ErrInvalid), "a token is an ID of 6 characters, a dot and a secret of 16, all of a-z and 0-9"},
		{2, "WeakToken", is(token.ErrWeak), "leave the token to bootctl, or draw one: bootctl token generate; --allow-weak takes it all the same"},
		{2, "InvalidTokenSpec", is(token.ErrInvalidSpec), ""},
		{2, "InvalidPin", is(clusterinfo.ErrInvalidPin), "a pin is sha256: and 64 hex digits, as token create --print-join-command prints it"},
		{2, "InvalidEndpoint", is(clusterinfo.ErrInvalidEndpoint), "an endpoint looks like 192.0.2.1:6443, [2001:db8::1]:6443 or https://host:6443"},
		{2, "LoopbackEndpoint", is(errLoopback), "say what nodes reach the API server at, with --endpoint; a loopback address given there is taken"},
		{2, "InvalidFingerprint", is(csr.ErrInvalidFingerprint), "bootctl csr review shows it, and so does a join that waits"},
		{2, "UnfitRequest", is(csr.ErrUnfit), ""},
		{2, "InvalidRequest", is(csr.ErrInvalidRequest), "a request is one PEM block of type CERTIFICATE REQUEST, as openssl req -new writes it"},
		{2, "InvalidKey", is(csr.ErrInvalidKey), "give a file with a private key in PEM, or one that does not exist yet"},
		{2, "InvalidNodeName", is(csr.ErrInvalidNodeName), "a name looks like worker-1.example.com"},
		{2, "NoTrust", is(clusterinfo.ErrNoTrust), "give --ca-cert-hash or --ca-file, as token create --print-join-command prints it"},

		{4, "NotJoined", is(join.ErrNotJoined), "join it with an endpoint, a token and a pin: bootctl join --help"},
		{3, "DiscoveryFileNotFound", is(apiclient.ErrNotServed), "compare the URL with that of the administrator"},

		{3, "LabNotStarted", is(errNotRunning), "start it with bootctl lab up, and the same --dir"},
		{6, "LabNotReady", is(errLabNotReady), "see bootctl lab logs, with the same --dir"},
		{9, "LabDiffers", as[*lab.DiffersError], "stop it first: bootctl lab down, with the same --dir"},
		{9, "NotALab", is(lab.ErrNotALab), "give another --dir, or move what is there away"},
		{9, "LabPortTaken", startError("PortTaken"), "stop what listens there, or give up the lab's address and data: bootctl lab down --delete, with the same --dir"},
		{10, "LabFiles", startError("LocalFile"), "see bootctl lab logs, with the same --dir"},
		{2, "InvalidComponentFlag", startError("InvalidComponentFlag"), "give each as FLAG=VALUE, as the Kubernetes reference of that component has it"},
		{2, "UnknownController", as[*lab.UnknownControllerError], ""},
		{10, "LabNotInstalled", is(lab.ErrNotInstalled), "build it beside bootctl with make lab, or take it from the release that bootctl is of"},
		{10, "LabVersion", as[*lab.VersionError], "build both from one checkout with make build lab, or take both from one release"},
		{1, "SeveralFailures", is(errSeveral), "each failure has a line of its own above"},
		{1, "Template", as[formatError], "what the command does was done; see its object with -o json"},
		{1, "LabFailed", as[*lab.StartError], "see bootctl lab logs, with the same --dir"},
		{1, "Unsupported", is(errors.ErrUnsupported, lab.ErrUnsupported), ""},

		{6, "ServerTrouble", apiclient.IsTrouble, "the API server answers, but is starting, overloaded or without its storage; try again, and see its log"},
		{5, "RefusedByServer", as[*apierrors.StatusError], ""},

		{7, "ProxyRefused", as[*apiclient.ProxyError], "name the API server in NO_PROXY, or connect directly with join --no-proxy"},
		{7, "Unreachable", func(err error) bool { return errors.Is(err, apiclient.ErrNoAnswer) || apiclient.IsUnreachable(err) }, "check the address, that the API server runs, and a proxy in between"},
		{10, "Locked", is(durable.ErrLocked), "another bootctl works on the same files; wait for it"},
		{10, "LocalFile", is(durable.ErrForeignOwner), "run it as the user whose files these are, such as root; or move the file away, if nobody should have put it there"},
		{10, "LocalFile", func(err error) bool { return errors.Is(err, fs.ErrPermission) && as[*fs.PathError](err) }, "run it as a user who may; join needs root only to write to /, and --out-dir and --rootfs write elsewhere"},
		{10, "LocalFile", func(err error) bool {
			return is(errWrite, durable.ErrNotRegular, durable.ErrOutside)(err) || as[*fs.PathError](err) || as[*os.LinkError](err)
		}, ""},
		{2, "InvalidKubeconfig", is(errKubeconfig), "name another with --kubeconfig, or another context with --context"},
		{1, "Error", func(error) bool { return true }, ""},
	}
}

// classify returns the row of the table that err belongs to.
func classify(err error) exitEntry {
	var bulk *bulkError
	if errors.As(err, &bulk) {
		return bulk.entry()
	}
	return entryOf(err)
}

func entryOf(err error) exitEntry {
	table := exitTable()
	for _, entry := range table {
		if entry.match(err) {
			return entry
		}
	}
	return table[len(table)-1]
}

func (x exitEntry) hintFor(err error) string {
	var usage usageError
	if errors.As(err, &usage) {
		return fmt.Sprintf("see: %s --help", usage.path)
	}
	var refused *csr.RefusedError
	if errors.As(err, &refused) && safe.Word(refused.Name) != "" {
		return fmt.Sprintf("an administrator lets it ask again: bootctl csr delete %s; or ask with another key on the node: join --new-key", safe.Word(refused.Name))
	}
	var outside *csr.OutsideRulesError
	if errors.As(err, &outside) {
		return outsideHint(outside.Verdicts)
	}
	return x.hint
}

// outsideHint is the way on for a request that breaks these rules.
func outsideHint(refusals []csr.Verdict) string {
	for _, v := range refusals {
		if v.Absolute {
			return "nothing passes over these rules; deny it: bootctl csr deny and its name"
		}
	}
	for _, v := range refusals {
		if v.Rule == "signer" {
			return "to judge it by the rules of its signer, name that with --signer"
		}
	}
	return "see all that is known of it with bootctl csr review and its name; --force passes over these rules for one named request"
}

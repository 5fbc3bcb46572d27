package failure

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// nameIn returns the name of the CSR, the node, or the token that err refers to; empty if
// err has no name.
func nameIn(err error) string {
	if about, ok := errors.AsType[*token.IDError](err); ok {
		return about.ID
	}
	if about, ok := errors.AsType[*csr.RequestError](err); ok {
		return about.Name
	}
	if violation, ok := errors.AsType[*approval.PolicyViolationError](err); ok {
		return violation.Name
	}
	if conflict, ok := errors.AsType[*approval.ConflictError](err); ok {
		return conflict.NodeName
	}
	return ""
}

// usageHint names the help of the command that explains the error, if it is not the one
// that ran.
func usageHint(err error) string {
	if usage, ok := errors.AsType[*UsageError](err); ok && usage.Command != "" {
		return strings.Replace(helpHint, FailedCommand, usage.Command, 1)
	}
	return ""
}

// confirmationHint returns the command that needs no confirmation.
func confirmationHint(err error) string {
	if missing, ok := errors.AsType[*ConfirmationError](err); ok && missing.Command != "" {
		return "confirm with --yes: " + missing.Command
	}
	return ""
}

// downloadHint returns the hint for a file that cannot be downloaded: its server is not an
// API server.
func downloadHint(err error) string {
	if kubeclient.IsDownload(err) {
		return "compare the URL with the one that the administrator gave you, and check any proxy in between"
	}
	return ""
}

// violationHint returns the hint for a CSR that violates rules of the approval policy for
// which a review is not enough.
func violationHint(err error) string {
	violation, _ := errors.AsType[*approval.PolicyViolationError](err)
	if len(violation.AllowAddresses) > 0 {
		return fmt.Sprintf("if the administrator of %[1]s confirms that it has these addresses, run: bootctl csr approve --signer %s --node %[1]s --allow-address %s",
			violation.NodeName, csr.KubeletServing, strings.Join(violation.AllowAddresses, ","))
	}
	var hint string
	for _, v := range violation.Violations {
		switch {
		case !v.Overridable:
			return "deny the CSR, since these rules cannot be overridden: bootctl csr deny NAME --reason PolicyViolation"
		case v.Rule == "signer":
			hint = "review the CSR by the rules of its signer, then approve it with --signer: bootctl csr review NAME"
		}
	}
	return hint
}

// pinHint returns the hint for pins that do not match existing node credentials.
func pinHint(err error) string {
	if as[*join.PinMismatchError](err) {
		return "ask an administrator for the current pin (bootctl cluster-info pin); if the cluster was created again, replace the node credentials: bootctl join --force"
	}
	return ""
}

// fileHint names the user who can access the file.
func fileHint(err error) string {
	switch {
	case errors.Is(err, durable.ErrForeignOwner):
		return "run the command as the owner of these files, such as root, or move the file away"
	case errors.Is(err, fs.ErrPermission) && as[*fs.PathError](err):
		return "run the command as a user with that permission; bootctl join needs root only to write to /, not with --out-dir or --rootfs"
	}
	return ""
}

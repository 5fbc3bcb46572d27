package cmdutil

import (
	"fmt"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
)

// SignerFlag returns the flag --signer that a command about the CSR needs, after a space;
// empty for the kubelet's signer, which is the default.
func SignerFlag(r csr.Request) string {
	if r.SignerName == csr.KubeletClient {
		return ""
	}
	return " --signer " + escape.ShellQuote(r.SignerName)
}

// PrintApprovalCommand says, while a request is pending, how it is approved.
func PrintApprovalCommand(e *cli.Env, request csr.Request) {
	if !request.IsPending() {
		return
	}
	fingerprint := csr.Fingerprint(request.PKCS10.PublicKey)
	command := "bootctl csr approve " + escape.ShellQuote(request.Name) + " --fingerprint " + fingerprint + SignerFlag(request)
	e.Progress(fmt.Sprintf("request %s is for the key %s, in groups: %s", request.Name, fingerprint, csr.FormatFingerprint(fingerprint)))
	text := "an administrator approves it with: " + command
	e.Event(output.Event{Event: "progress", Message: text, Request: request.Name, Fingerprint: fingerprint, Command: command}, escape.Text(text))
}

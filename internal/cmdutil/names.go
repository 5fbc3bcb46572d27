package cmdutil

import (
	"fmt"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/token"
)

// CSRResource is the type of a certificate signing request.
var CSRResource = cli.Resource{
	GroupKind: schema.GroupKind{Group: certificatesv1.GroupName, Kind: "CertificateSigningRequest"},
	Plural:    "certificatesigningrequests", Short: "csr",
}

// secretResource is the type of the Secret that holds a token.
var secretResource = cli.Resource{GroupKind: schema.GroupKind{Kind: "Secret"}, Plural: "secrets"}

// ConfigMapResource is the type of the object that holds cluster-info.
var ConfigMapResource = cli.Resource{GroupKind: schema.GroupKind{Kind: "ConfigMap"}}

// TokenReference returns the name of a token: its ID, or the name of a Secret whose name has
// no ID.
func TokenReference(id string) cli.Name {
	named := secretResource.Reference(id)
	if _, err := token.ParseID(id); err == nil {
		named.Name = api.BootstrapTokenSecretPrefix + id
	}
	return named
}

// TokenName returns the ID in an argument: the ID itself, or the name of the Secret in the
// form that kubectl prints and accepts, secret/bootstrap-token-ID. It returns "" for any
// other text that may be a token.
func TokenName(text string) (string, error) {
	name, err := secretResource.Argument(text)
	if err != nil {
		return "", err
	}
	if id, ok := strings.CutPrefix(name, api.BootstrapTokenSecretPrefix); ok {
		return token.ParseID(id)
	}
	if name != text {
		return "", failure.Usagef("%q is not the Secret of a bootstrap token: its name must be %sID", text, api.BootstrapTokenSecretPrefix)
	}
	id, _ := token.ParseID(text)
	return id, nil
}

// SignerFlag returns " --signer NAME" for a command about the CSR, or "" for the kubelet's
// signer, which is the default.
func SignerFlag(r csr.Request) string {
	if r.SignerName == csr.KubeletClient {
		return ""
	}
	return " --signer " + escape.ShellQuote(r.SignerName)
}

// PrintApprovalCommand prints the command that approves a pending CSR.
func PrintApprovalCommand(e *cli.Env, request csr.Request) {
	if !request.IsPending() {
		return
	}
	fingerprint := csr.Fingerprint(request.PKCS10.PublicKey)
	command := "bootctl csr approve " + escape.ShellQuote(request.Name) + " --fingerprint " + fingerprint + SignerFlag(request)
	e.Progress(fmt.Sprintf("CSR %s has the key fingerprint %s, in groups: %s", request.Name, fingerprint, csr.FormatFingerprint(fingerprint)))
	text := "to approve it, an administrator runs: " + command
	e.Event(output.Event{Event: "progress", Message: text, CSRName: request.Name, Fingerprint: fingerprint, Command: command}, escape.Text(text))
}

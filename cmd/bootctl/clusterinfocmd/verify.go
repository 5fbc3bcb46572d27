package clusterinfocmd

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

type verifyOptions struct {
	endpoints []string
	file      string
	tokenFile string
	trust     cmdutil.TrustFlags
}

func (o *verifyOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.endpoints, "endpoint", nil, "verify as a node does, from `address`, with one token; can be repeated")
	fs.StringVar(&o.file, "file", "", "verify the cluster-info in `file`, with one token")
	fs.StringVar(&o.tokenFile, "token-file", "", "bootstrap token `file` (- for stdin). Defaults to $"+cmdutil.TokenVariable)
	o.trust.AddFlags(fs)
}

func newVerify(e *cli.Env) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify the signatures of cluster-info",
		Long: `Verify the signatures of cluster-info.

As an administrator, verifies the signatures with all tokens in the cluster. A
signature is VALID, STALE (for an earlier cluster-info), MISSING, MALFORMED, or
ORPHAN (its token is missing, has expired, or cannot sign). Also prints a
warning if the bootstrapsigner or tokencleaner controller is not running.

With --endpoint, performs the discovery of a joining node with one token:
verifies the signature and the pin of the CA, then reads the same cluster-info
again over a connection that the CA verifies. It sends no CSR.

With --file, verifies a ConfigMap in YAML or JSON, without contacting a server.

Exits with code 4 if verification fails. Orphan signatures are harmless.

Permissions:
  get on the configmap cluster-info in kube-public
  list on secrets in kube-system
With --endpoint or --file, no permissions are needed.`,
		Example: `  # Verify all signatures as an administrator
  bootctl cluster-info verify

  # Verify as a joining node, without a kubeconfig
  bootctl cluster-info verify --endpoint 192.0.2.1:6443 \
    --token-file token --ca-file ca.crt

  # Verify a file, without a cluster
  bootctl cluster-info verify --file cluster-info.yaml --token-file token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o verifyOptions) validate() error {
	return cmp.Or(
		cli.UsageIf(o.file != "" && len(o.endpoints) > 0, "--file and --endpoint cannot be used together"),
		cli.UsageIf(o.file == "" && len(o.endpoints) == 0 && (o.tokenFile != "" || o.trust.Given()),
			"--token-file, --ca-cert-hash, --ca-file, and --unsafe-skip-ca-verification require --endpoint or --file"),
	)
}

func (o verifyOptions) run(ctx context.Context, e *cli.Env) error {
	if err := o.validate(); err != nil {
		return err
	}
	audit, err := o.audit(ctx, e)
	if err != nil {
		return err
	}
	if err := e.Print(verificationView(audit)); err != nil {
		return err
	}
	for _, stalled := range audit.Stalled {
		e.Warn(stalled)
	}
	return audit.Err
}

func verificationView(audit clusterinfo.Audit) cli.Result {
	object := output.Verification{
		Meta: output.Kind("Verification"), Verified: audit.Err == nil, Server: audit.Server.URL(),
		Pins: clusterinfo.PinTexts(audit.CAs), Signatures: []output.Signature{},
	}
	v := cli.Result{Header: []string{"TOKEN", "SIGNATURE"}}
	for _, s := range audit.Signatures {
		object.Signatures = append(object.Signatures, output.Signature{TokenID: s.TokenID, State: s.State})
		v.Names = append(v.Names, cmdutil.TokenReference(s.TokenID))
		v.Rows = append(v.Rows, []string{s.TokenID, s.State})
	}
	v.Object = object
	return v
}

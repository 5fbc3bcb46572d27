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
	fs.StringArrayVar(&o.endpoints, "endpoint", nil, "verify as a node does, from this `address`, with one token and pins; may be repeated")
	fs.StringVar(&o.file, "file", "", "verify the cluster-info in this `file`, with one token and, where given, pins")
	fs.StringVar(&o.tokenFile, "token-file", "", "the node's token is in this `file` (- is stdin); else $"+cmdutil.TokenVariable)
	o.trust.AddFlags(fs)
}

func newVerify(e *cli.Env) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify the signatures of cluster-info",
		Long: `Without --endpoint, judges every signature of cluster-info against all tokens of
the cluster, as an administrator: VALID, STALE (of another text), MISSING, MALFORMED,
or ORPHAN (its token is gone, expired or not for signing). It warns of a controller
that has left something undone.

With --endpoint, does what a joining node does, and ends where it would send its
request: the signature of one token, the pinned CA, the same text over a connection
that this CA verifies.

With --file, nothing is sent anywhere: the file is the ConfigMap, in YAML or JSON.

Exit code 4 when it does not verify. Signatures of no live token do no harm.

As an administrator, needs get on the configmap cluster-info in kube-public and
list on secrets in kube-system; otherwise nothing.`,
		Example: "  bootctl cluster-info verify\n  bootctl cluster-info verify --file cluster-info.yaml --token-file token",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o verifyOptions) validate() error {
	return cmp.Or(
		cli.UsageIf(o.file != "" && len(o.endpoints) > 0, "--file and --endpoint were both given"),
		cli.UsageIf(o.file == "" && len(o.endpoints) == 0 && (o.tokenFile != "" || o.trust.Given()),
			"a token, pins and CAs are what a node verifies with: give --endpoint or --file, too"),
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

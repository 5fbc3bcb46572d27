package clusterinfocmd

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/token"
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.file != "" && len(o.endpoints) > 0:
				return fmt.Errorf("%w: --file and --endpoint were both given", failure.ErrUsage)
			case o.file != "":
				return runClusterInfoVerifyFile(e, o)
			case len(o.endpoints) > 0:
				return runClusterInfoVerifyNode(cmd.Context(), e, o)
			case o.tokenFile != "" || o.trust.Given():
				return fmt.Errorf("%w: a token, pins and CAs are what a node verifies with: give --endpoint or --file, too", failure.ErrUsage)
			}
			return runVerify(cmd.Context(), e)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

// runVerify judges all signatures, as an administrator.
func runVerify(ctx context.Context, e *cli.Env) error {
	client, err := e.Client()
	if err != nil {
		return err
	}
	info, document, err := cmdutil.ReadClusterInfo(ctx, client)
	if err != nil {
		return err
	}
	tokens, err := token.List(ctx, client.Core)
	if err != nil {
		return err
	}
	states := clusterinfo.CheckAll(info, tokens, e.Now())
	verdict := clusterinfo.VerifyAll(states, tokens, e.Now())
	if err := e.Print(verificationView(verdict == nil, document.Server, document.CAs, states)); err != nil {
		return err
	}
	stalled := clusterinfo.StalledControllers(info, tokens, e.Now())
	for _, controller := range slices.Sorted(maps.Keys(stalled)) {
		e.Warn(stalled[controller])
	}
	return verdict
}

// runClusterInfoVerifyNode verifies as a node does.
func runClusterInfoVerifyNode(ctx context.Context, e *cli.Env, o verifyOptions) error {
	opts, err := o.trust.Discovery(e, o.endpoints, o.tokenFile, "")
	if err != nil {
		return err
	}
	cluster, err := discovery.Discover(ctx, opts)
	if err != nil {
		return err
	}
	cmdutil.WarnOfOthers(e, cluster.Others)
	states := []clusterinfo.SignatureState{{TokenID: opts.Token.ID(), State: clusterinfo.Valid}}
	return e.Print(verificationView(true, cluster.Server, cluster.Roots, states))
}

// runClusterInfoVerifyFile verifies a file with one token. Without pins the CA
// certificates in it are as good as the token is secret.
func runClusterInfoVerifyFile(e *cli.Env, o verifyOptions) error {
	if len(o.trust.CaCertHashes) == 0 && o.trust.CaFile == "" {
		o.trust.UnsafeSkip = true
	}
	opts, err := o.trust.Discovery(e, nil, o.tokenFile, "")
	if err != nil {
		return err
	}
	info, err := readFile(e, o.file)
	if err != nil {
		return err
	}
	document, roots, err := opts.Check(info, opts.Token, e.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", o.file, err)
	}
	states := []clusterinfo.SignatureState{{TokenID: opts.Token.ID(), State: clusterinfo.Valid}}
	return e.Print(verificationView(true, document.Server, roots, states))
}

func verificationView(verified bool, server clusterinfo.Endpoint, roots []*x509.Certificate, states []clusterinfo.SignatureState) cli.Result {
	object := output.Verification{
		Meta: output.Kind("Verification"), Verified: verified, Server: server.URL(),
		Pins: cmdutil.PinTexts(roots), Signatures: []output.Signature{},
	}
	v := cli.Result{Header: []string{"TOKEN", "SIGNATURE"}}
	for _, s := range states {
		object.Signatures = append(object.Signatures, output.Signature{TokenID: s.TokenID, State: s.State})
		v.Names = append(v.Names, cmdutil.TokenReference(s.TokenID))
		v.Rows = append(v.Rows, []string{s.TokenID, s.State})
	}
	v.Object = object
	return v
}

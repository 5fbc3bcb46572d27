package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

type clusterInfoVerifyOptions struct {
	endpoint  string
	tokenFile string
	trust     trustOptions
}

func (o *clusterInfoVerifyOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.endpoint, "endpoint", "", "verify as a node does, from this `address`, with one token and pins")
	fs.StringVar(&o.tokenFile, "token-file", "", "the node's token is in this `file` (- is stdin); else $"+tokenVariable)
	o.trust.addFlags(fs)
}

func newClusterInfoVerify(e *env) *cobra.Command {
	var o clusterInfoVerifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify the signatures of cluster-info",
		Long: `Without --endpoint, judges every signature of cluster-info against all tokens of
the cluster, as an administrator: VALID, STALE (of another text), MISSING, or
ORPHAN (its token is gone, expired or not for signing).

With --endpoint, does what a joining node does, and ends where it would send its
request: the signature of one token, the pinned CA, the same text over a
connection that this CA verifies.

Exit code 4 when it does not verify. An orphan alone does no harm.

As an administrator, needs get on the configmap cluster-info in kube-public and
list on secrets in kube-system; as a node, nothing.`,
		Example: "  bootctl cluster-info verify",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.endpoint != "" {
				return runClusterInfoVerifyNode(cmd.Context(), e, o)
			}
			return runClusterInfoVerify(cmd.Context(), e)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// runClusterInfoVerify judges all signatures, as an administrator.
func runClusterInfoVerify(ctx context.Context, e *env) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	info, document, err := readClusterInfo(ctx, client)
	if err != nil {
		return err
	}
	tokens, err := token.List(ctx, client.Core)
	if err != nil {
		return err
	}
	states := clusterinfo.CheckAll(info, tokens, e.now())
	verdict := verdictOf(states)
	if err := e.print(verificationView(verdict == nil, document.Server, clusterinfo.Pins(document.CAs), states)); err != nil {
		return err
	}
	return verdict
}

func verdictOf(states []clusterinfo.SignatureState) error {
	has := func(state string) bool {
		return slices.ContainsFunc(states, func(s clusterinfo.SignatureState) bool { return s.State == state })
	}
	switch {
	case has(clusterinfo.Stale):
		return fmt.Errorf("%w: a signature is of another text", errNotVerified)
	case has(clusterinfo.Missing):
		return fmt.Errorf("%w: a signing token has no signature", errNotVerified)
	case !has(clusterinfo.Valid):
		return errNoSignatures
	}
	return nil
}

// runClusterInfoVerifyNode verifies as a node does.
func runClusterInfoVerifyNode(ctx context.Context, e *env, o clusterInfoVerifyOptions) error {
	opts, err := o.trust.discovery(e, []string{o.endpoint}, o.tokenFile, "")
	if err != nil {
		return err
	}
	cluster, err := clusterinfo.Discover(ctx, opts)
	if err != nil {
		return err
	}
	states := []clusterinfo.SignatureState{{TokenID: opts.Token.ID(), State: clusterinfo.Valid}}
	return e.print(verificationView(true, cluster.Server, clusterinfo.Pins(cluster.Roots), states))
}

func verificationView(verified bool, server clusterinfo.Endpoint, pins []clusterinfo.Pin, states []clusterinfo.SignatureState) view {
	object := output.Verification{
		Meta: output.Kind("Verification"), Verified: verified, Server: server.URL(),
		Pins: []string{}, Signatures: []output.Signature{},
	}
	for _, pin := range pins {
		object.Pins = append(object.Pins, pin.String())
	}
	v := view{header: []string{"TOKEN", "SIGNATURE"}}
	for _, s := range states {
		object.Signatures = append(object.Signatures, output.Signature{TokenID: s.TokenID, State: s.State})
		v.names = append(v.names, s.TokenID)
		v.rows = append(v.rows, []string{s.TokenID, s.State})
	}
	v.object = object
	return v
}

package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

type clusterInfoVerifyOptions struct {
	endpoints []string
	file      string
	tokenFile string
	trust     trustOptions
}

func (o *clusterInfoVerifyOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.endpoints, "endpoint", nil, "verify as a node does, from this `address`, with one token and pins; may be repeated")
	fs.StringVar(&o.file, "file", "", "verify the cluster-info in this `file`, with one token and, where given, pins")
	fs.StringVar(&o.tokenFile, "token-file", "", "the node's token is in this `file` (- is stdin); else $"+tokenVariable)
	o.trust.addFlags(fs)
}

func newClusterInfoVerify(e *env) *cobra.Command {
	var o clusterInfoVerifyOptions
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
			case o.tokenFile != "" || o.trust.given():
				return fmt.Errorf("%w: a token, pins and CAs are what a node verifies with: give --endpoint or --file, too", failure.ErrUsage)
			}
			return runClusterInfoVerify(cmd.Context(), e)
		},
	}
	o.addFlags(cmd.Flags())
	e.addConnectionFlags(cmd)
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
	verdict := clusterinfo.Verdict(states, tokens, e.now())
	if err := e.print(verificationView(verdict == nil, document.Server, document.CAs, states)); err != nil {
		return err
	}
	stalled := clusterinfo.StalledControllers(info, tokens, e.now())
	for _, controller := range slices.Sorted(maps.Keys(stalled)) {
		e.warn(stalled[controller])
	}
	return verdict
}

// runClusterInfoVerifyNode verifies as a node does.
func runClusterInfoVerifyNode(ctx context.Context, e *env, o clusterInfoVerifyOptions) error {
	opts, err := o.trust.discovery(e, o.endpoints, o.tokenFile, "")
	if err != nil {
		return err
	}
	cluster, err := clusterinfo.Discover(ctx, opts)
	if err != nil {
		return err
	}
	e.warnOfOthers(cluster.Others)
	states := []clusterinfo.SignatureState{{TokenID: opts.Token.ID(), State: clusterinfo.Valid}}
	return e.print(verificationView(true, cluster.Server, cluster.Roots, states))
}

// warnOfOthers names the endpoints that are not of the cluster.
func (e *env) warnOfOthers(others clusterinfo.EndpointErrors) {
	for _, err := range others {
		e.warn("an endpoint is not of this cluster: " + err.Error())
	}
}

// runClusterInfoVerifyFile verifies a file with one token. Without pins the CA
// certificates in it are as good as the token is secret.
func runClusterInfoVerifyFile(e *env, o clusterInfoVerifyOptions) error {
	if len(o.trust.caCertHashes) == 0 && o.trust.caFile == "" {
		o.trust.unsafeSkip = true
	}
	opts, err := o.trust.discovery(e, nil, o.tokenFile, "")
	if err != nil {
		return err
	}
	info, err := e.readClusterInfoFile(o.file)
	if err != nil {
		return err
	}
	document, roots, err := opts.Check(info)
	if err != nil {
		return fmt.Errorf("%s: %w", o.file, err)
	}
	states := []clusterinfo.SignatureState{{TokenID: opts.Token.ID(), State: clusterinfo.Valid}}
	return e.print(verificationView(true, document.Server, roots, states))
}

func verificationView(verified bool, server clusterinfo.Endpoint, roots []*x509.Certificate, states []clusterinfo.SignatureState) view {
	object := output.Verification{
		Meta: output.Kind("Verification"), Verified: verified, Server: server.URL(),
		Pins: pinTexts(roots), Signatures: []output.Signature{},
	}
	v := view{header: []string{"TOKEN", "SIGNATURE"}}
	for _, s := range states {
		object.Signatures = append(object.Signatures, output.Signature{TokenID: s.TokenID, State: s.State})
		v.names = append(v.names, tokenReference(s.TokenID))
		v.rows = append(v.rows, []string{s.TokenID, s.State})
	}
	v.object = object
	return v
}

package clusterinfocmd

import (
	"context"
	"fmt"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
)

// runAsNode verifies as a node does.
func (o verifyOptions) runAsNode(ctx context.Context, e *cli.Env) error {
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

// runOnFile verifies a file with one token. Without pins the CA certificates in it
// are as good as the token is secret.
func (o verifyOptions) runOnFile(e *cli.Env) error {
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

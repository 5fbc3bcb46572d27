package clusterinfocmd

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/token"
)

// audit verifies all signatures as an administrator, or one as a node or in a file.
func (o verifyOptions) audit(ctx context.Context, e *cli.Env) (clusterinfo.Audit, error) {
	switch {
	case o.file != "":
		return o.auditFile(e)
	case len(o.endpoints) > 0:
		return o.auditAsNode(ctx, e)
	}
	client, err := e.Client()
	if err != nil {
		return clusterinfo.Audit{}, err
	}
	return clusterinfo.ReadAudit(ctx, client.Core, e.Now())
}

func (o verifyOptions) auditAsNode(ctx context.Context, e *cli.Env) (clusterinfo.Audit, error) {
	opts, err := o.trust.Discovery(e, o.endpoints, o.tokenFile, "")
	if err != nil {
		return clusterinfo.Audit{}, err
	}
	cluster, err := discovery.Discover(ctx, opts)
	cmdutil.WarnOfOthers(e, cluster.Others)
	return auditOf(cluster.Document, cluster.Roots, opts.Token), err
}

// auditFile verifies a file with one token. Without pins, anyone who knows the token can
// forge the CA certificates in the file.
func (o verifyOptions) auditFile(e *cli.Env) (clusterinfo.Audit, error) {
	if len(o.trust.CaCertHashes) == 0 && o.trust.CaFile == "" {
		o.trust.UnsafeSkip = true
	}
	opts, err := o.trust.Discovery(e, nil, o.tokenFile, "")
	if err != nil {
		return clusterinfo.Audit{}, err
	}
	info, err := readFile(e, o.file)
	if err != nil {
		return clusterinfo.Audit{}, err
	}
	document, roots, err := opts.Check(info, opts.Token, e.Now())
	if err != nil {
		return clusterinfo.Audit{}, fmt.Errorf("%s: %w", o.file, err)
	}
	return auditOf(document, roots, opts.Token), nil
}

// auditOf returns the audit of a document and the CA certificates that a node trusts.
func auditOf(document clusterinfo.Document, roots []*x509.Certificate, tok token.Token) clusterinfo.Audit {
	document.CAs = roots
	return clusterinfo.Audit{Document: document, Signatures: []clusterinfo.SignatureState{{TokenID: tok.ID(), State: clusterinfo.Valid}}}
}

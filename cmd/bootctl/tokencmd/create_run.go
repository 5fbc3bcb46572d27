package tokencmd

import (
	"cmp"
	"context"
	"slices"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Values of the flags of token create.
const (
	programBootctl            = "bootctl"
	programKubeadm            = "kubeadm"
	dryRunClient              = "client"
	dryRunServer              = "server"
	formatBootstrapKubeconfig = "bootstrap-kubeconfig"

	defaultTTL = "24h"
	maxCount   = 10000 // cluster-info has little room for more
)

func (o createOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	if err := o.validate(e.Global.Output, args); err != nil {
		return err
	}
	batch, preview, err := o.batch(e, args)
	if err != nil {
		return err
	}
	client, document, err := o.connect(ctx, e)
	if err != nil {
		return err
	}
	if err := o.checkPrintable(e, preview, document); err != nil {
		return err
	}
	var createErr error
	deliver := func(created []token.Info, failed []error) error {
		createErr = e.ReportFailures(&failure.BulkError{Total: batch.Count, Errs: failed})
		if len(created) == 0 {
			return nil
		}
		warnOfTokens(e, created[0], o.dryRun)
		if o.wait && createErr == nil {
			createErr = o.waitSigned(ctx, e, client, created)
		}
		v, err := o.view(e, created, document, o.wait && createErr == nil)
		if err == nil {
			err = e.Print(v)
		}
		return err
	}
	if o.dryRun == dryRunClient {
		return deliver(preview, nil)
	}
	return cmp.Or(batch.Create(ctx, client.Core, deliver), createErr)
}

// batch returns the batch for the flags and arguments, and a preview of its tokens. It sends
// no request.
func (o createOptions) batch(e *cli.Env, args []string) (b token.Batch, preview []token.Info, err error) {
	b = token.Batch{
		Spec:  token.Spec{Usages: o.usages, Groups: o.groups, Description: o.description},
		Count: max(1, o.count), DryRun: o.dryRun == dryRunServer, Progress: e.Count,
	}
	if o.groups == nil && slices.Contains(o.usages, token.Authentication) {
		b.Groups = []string{token.DefaultGroup}
	}
	if b.Expires, err = o.expiry.time(e.Now()); err != nil {
		return b, nil, err
	}
	switch {
	case len(args) == 1:
		b.Token, err = cmdutil.PlainToken(e, args[0], "use --token-file instead")
	case o.tokenFile != "":
		b.Token, err = cmdutil.ReadToken(e, o.tokenFile)
	default:
		b.Random = e.Random
	}
	if err == nil && !o.allowWeak {
		err = b.Token.CheckStrength()
	}
	if err == nil {
		preview, err = b.Preview()
	}
	return b, preview, err
}

// connect returns the client and, if the output or --wait needs it, the document in
// cluster-info.
func (o createOptions) connect(ctx context.Context, e *cli.Env) (client *kubeclient.Client, document clusterinfo.Document, err error) {
	needsDocument := o.joinCommand != "" || o.wait || e.Global.Output == formatBootstrapKubeconfig
	if o.dryRun != dryRunClient || needsDocument {
		client, err = e.Client()
	}
	if err == nil && needsDocument {
		_, document, err = clusterinfo.FetchDocument(ctx, client.Core)
	}
	return client, document, err
}

func (o createOptions) waitSigned(ctx context.Context, e *cli.Env, client *kubeclient.Client, created []token.Info) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return clusterinfo.SignedWait{Client: client.Core, Now: e.Now, Observer: e.Observe}.Until(ctx, created)
}

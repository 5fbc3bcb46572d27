package tokencmd

import (
	"context"
	"fmt"
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
	maxCount   = 10000 // cluster-info has room for little more
)

// validate returns an error when the flags and arguments do not fit together.
func (o createOptions) validate(format string, args []string) error {
	both := slices.Contains(o.usages, token.Signing) && slices.Contains(o.usages, token.Authentication)
	kubeconfig := format == formatBootstrapKubeconfig
	problem := ""
	switch {
	case o.joinCommand != "" && !both:
		problem = "a node joins with a token of both usages only, so --print-join-command needs both"
	case kubeconfig && !slices.Contains(o.usages, token.Authentication):
		problem = "-o " + formatBootstrapKubeconfig + " needs the usage " + token.Authentication
	case o.wait && !slices.Contains(o.usages, token.Signing):
		problem = "nothing is signed with a token without the usage " + token.Signing + ", so --wait would wait for ever"
	case o.wait && o.dryRun != "":
		problem = "nothing is created in a dry run, so there is nothing to --wait for"
	case o.wait && o.timeout <= 0:
		problem = fmt.Sprintf("--timeout %s leaves no time", o.timeout)
	case o.many && (o.count < 1 || o.count > maxCount):
		problem = fmt.Sprintf("--count %d is not between 1 and %d", o.count, maxCount)
	case o.many && (len(args) == 1 || o.tokenFile != ""):
		problem = "--count is of random tokens, and one was given"
	case o.many && kubeconfig:
		problem = "-o " + formatBootstrapKubeconfig + " is of one token, without --count"
	case len(args) == 1 && o.tokenFile != "":
		problem = "a token was given and --token-file, too"
	case len(args) == 1 && slices.Contains([]string{programBootctl, programKubeadm, dryRunClient, dryRunServer}, args[0]):
		problem = args[0] + " is no token; a value of --print-join-command or --dry-run is joined to it with ="
	default:
		return o.end.validate()
	}
	return fmt.Errorf("%w: %s", failure.ErrUsage, problem)
}

// batch returns what the flags and arguments describe, before anything is sent.
func (o createOptions) batch(e *cli.Env, args []string) (token.Batch, error) {
	b := token.Batch{Count: max(1, o.count), DryRun: o.dryRun == dryRunServer}
	b.Usages, b.Groups, b.Description = o.usages, o.groups, o.description
	if o.groups == nil && slices.Contains(o.usages, token.Authentication) {
		b.Groups = []string{token.DefaultGroup}
	}
	var err error
	if b.Expires, err = o.end.time(e.Now()); err != nil {
		return b, err
	}
	switch {
	case len(args) == 1:
		b.Token, err = cmdutil.PlainToken(e, args[0])
	case o.tokenFile != "":
		b.Token, err = cmdutil.ReadToken(e, o.tokenFile)
	default:
		b.Random = e.Random
		return b, nil
	}
	if err == nil && !o.allowWeak {
		err = b.Token.CheckStrength()
	}
	return b, err
}

// connect returns the client and, where something printed or waited for depends on
// it, what cluster-info says.
func (o createOptions) connect(ctx context.Context, e *cli.Env) (*kubeclient.Client, clusterinfo.Document, error) {
	needsDocument := o.joinCommand != "" || o.wait || e.Global.Output == formatBootstrapKubeconfig
	if o.dryRun == dryRunClient && !needsDocument {
		return nil, clusterinfo.Document{}, nil
	}
	client, err := e.Client()
	if err != nil || !needsDocument {
		return client, clusterinfo.Document{}, err
	}
	_, document, err := clusterinfo.FetchDocument(ctx, client.Core)
	return client, document, err
}

// createBatch creates the tokens, and reports why others were not created.
func createBatch(ctx context.Context, e *cli.Env, client *kubeclient.Client, batch token.Batch) ([]token.Info, error) {
	var stop func()
	batch.Observer, stop = e.Count("created", batch.Count)
	created, failed := batch.Create(ctx, client.Core)
	stop()
	return created, e.ReportFailures(&failure.BulkError{Total: batch.Count, Errs: failed})
}

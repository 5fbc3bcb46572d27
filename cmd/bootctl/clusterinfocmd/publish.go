package clusterinfocmd

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

type publishOptions struct {
	document cmdutil.DocumentFlags
	yes      bool
	dryRun   bool
}

func (o *publishOptions) addFlags(fs *pflag.FlagSet) {
	o.document.AddFlags(fs)
	fs.BoolVar(&o.yes, "yes", false, "do not ask before the address or the CA changes")
	fs.BoolVar(&o.dryRun, "dry-run", false, "show what would change, and change nothing")
}

func newPublish(e *cli.Env) *cobra.Command {
	var o publishOptions
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Write what nodes learn of the cluster, signed with every live token",
		Long: `Writes the API server's address and CA into cluster-info together with the
signatures of all live signing tokens, in one write, so that no node ever reads an
address without its signature. What others keep in the ConfigMap stays.

Where the address or the CA changes, it shows how and asks; without a terminal it
needs --yes. Nodes that have joined keep the address that they joined with.

Needs get, create and update on configmaps in kube-public, and list on secrets in
kube-system. That anonymous requests may read cluster-info is up to bootctl setup.`,
		Example: "  bootctl cluster-info publish --endpoint https://192.0.2.1:6443 --dry-run",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o publishOptions) validate() error { return cmdutil.ValidateEndpoint(o.document.Endpoint) }

func (o publishOptions) run(ctx context.Context, e *cli.Env) error {
	if err := o.validate(); err != nil {
		return err
	}
	config, err := e.AdminConfig()
	if err != nil {
		return err
	}
	document, err := o.document.Read(e, config.Rest)
	if err != nil {
		return err
	}
	client, err := e.ClientOf(config)
	if err != nil {
		return err
	}
	confirm := func(c clusterinfo.Change) error { return confirmDocument(e, c, o.yes) }
	change, err := clusterinfo.Writer{Client: client.Core, Now: e.Now, PlanOnly: o.dryRun, Confirm: confirm}.Publish(ctx, document)
	if err != nil {
		return err
	}
	if err := printChange(e, change); err != nil {
		return err
	}
	warnUnlessPublic(ctx, e, config.Rest)
	return nil
}

// confirmDocument asks before nodes are told of another address or CA.
func confirmDocument(e *cli.Env, c clusterinfo.Change, yes bool) error {
	if c.Before == nil || !c.ChangesDocument() {
		return nil
	}
	before, after := describeDocument(c.Before), describeDocument(c.After)
	for _, field := range []struct{ name, before, after string }{
		{"address", before.Server, after.Server}, {"CA", joinWords(before.Pins), joinWords(after.Pins)},
	} {
		if field.before != field.after {
			e.Progress("- " + field.name + " " + field.before)
			e.Progress("+ " + field.name + " " + field.after)
		}
	}
	if yes {
		return nil
	}
	return e.Confirm("tell new nodes so?")
}

// warnUnlessPublic tries what a node does, and says so when it is not allowed.
func warnUnlessPublic(ctx context.Context, e *cli.Env, admin *rest.Config) {
	client, err := e.NewClient(rest.AnonymousClientConfig(admin), e.ClientOptions("anonymous"))
	if err != nil {
		return
	}
	if _, err := clusterinfo.Fetch(ctx, client.Core); apierrors.IsUnauthorized(err) || kubeclient.IsForbiddenByRBAC(err) {
		e.Warn("nodes may not read cluster-info: the Role kubeadm:bootstrap-signer-clusterinfo in kube-public is missing or not bound to system:anonymous; run: bootctl setup")
	}
}

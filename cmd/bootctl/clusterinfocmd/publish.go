package clusterinfocmd

import (
	"cmp"
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
	fs.Lookup("endpoint").Usage = "API server `address` for nodes"
	fs.BoolVar(&o.yes, "yes", false, "change the address or the CA without confirmation")
	fs.BoolVar(&o.dryRun, "dry-run", false, "print what would change, without changing it")
}

func newPublish(e *cli.Env) *cobra.Command {
	var o publishOptions
	cmd := &cobra.Command{
		Use:   "publish --endpoint ADDRESS",
		Short: "Publish cluster-info, signed with every valid token",
		Long: `Publish cluster-info, signed with every valid token.

Writes the API server's address and CA and the signatures of all valid signing
tokens to cluster-info, in one request, so that nodes never read an address
without its signature. Other data in the ConfigMap is kept. --endpoint is
required, because the kubeconfig can have an address that nodes cannot reach.

If the address or the CA changes, prints the change and asks for confirmation;
without a terminal, --yes is required. Nodes that have joined keep the address
with which they joined. To let new nodes read cluster-info, run bootctl setup.

Permissions:
  get and update on the configmap cluster-info in kube-public
  create on configmaps in kube-public
  list on secrets in kube-system`,
		Example: `  # Show what would change if nodes used another address
  bootctl cluster-info publish --endpoint https://192.0.2.1:6443 --dry-run

  # Publish the address, and the CA in a file
  bootctl cluster-info publish --endpoint https://192.0.2.1:6443 \
    --ca-file ca.crt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o publishOptions) validate() error {
	return cmp.Or(
		cli.UsageIf(o.document.Endpoint == "", "specify --endpoint, the address where nodes reach the API server"),
		cmdutil.ValidateEndpoint(o.document.Endpoint),
	)
}

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

// confirmDocument asks for confirmation if the address or the CA changes.
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
	return e.Confirm("Publish this for new nodes?")
}

// warnUnlessPublic reads cluster-info as a node does, and warns if that is forbidden.
func warnUnlessPublic(ctx context.Context, e *cli.Env, admin *rest.Config) {
	client, err := e.NewClient(rest.AnonymousClientConfig(admin), e.ClientOptions("anonymous"))
	if err != nil {
		return
	}
	if _, err := clusterinfo.Fetch(ctx, client.Core); apierrors.IsUnauthorized(err) || kubeclient.IsForbiddenByRBAC(err) {
		e.Warn("nodes cannot read cluster-info: the Role kubeadm:bootstrap-signer-clusterinfo in kube-public is missing or not bound to system:anonymous; run: bootctl setup")
	}
}

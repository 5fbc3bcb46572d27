package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

type clusterInfoPublishOptions struct {
	document documentOptions
	yes      bool
	dryRun   bool
}

func (o *clusterInfoPublishOptions) addFlags(fs *pflag.FlagSet) {
	o.document.addFlags(fs)
	fs.BoolVar(&o.yes, "yes", false, "do not ask before the address or the CA changes")
	fs.BoolVar(&o.dryRun, "dry-run", false, "show what would change, and change nothing")
}

func newClusterInfoPublish(e *env) *cobra.Command {
	var o clusterInfoPublishOptions
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runClusterInfoPublish(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	e.addConnectionFlags(cmd)
	return cmd
}

func runClusterInfoPublish(ctx context.Context, e *env, o clusterInfoPublishOptions) error {
	config, err := e.adminConfig()
	if err != nil {
		return err
	}
	document, err := o.document.read(e, config.rest)
	if err != nil {
		return err
	}
	client, err := e.clientOf(config)
	if err != nil {
		return err
	}
	writer := clusterinfo.Writer{Client: client.Core, Now: e.now, Confirm: func(c clusterinfo.Change) error {
		if o.dryRun {
			return errDryRun
		}
		return e.confirmDocument(c, o.yes)
	}}
	change, err := writer.Publish(ctx, document)
	if err := e.printChange(change, err); err != nil {
		return err
	}
	e.warnUnlessPublic(ctx, config.rest)
	return nil
}

// confirmDocument asks before nodes are told of another address or CA.
func (e *env) confirmDocument(c clusterinfo.Change, yes bool) error {
	if c.Before == nil || !c.ChangesDocument() {
		return nil
	}
	before, after := describeDocument(c.Before), describeDocument(c.After)
	for _, field := range []struct{ name, before, after string }{
		{"address", before.Server, after.Server}, {"CA", joined(before.Pins), joined(after.Pins)},
	} {
		if field.before != field.after {
			e.progress("- " + field.name + " " + field.before)
			e.progress("+ " + field.name + " " + field.after)
		}
	}
	if yes {
		return nil
	}
	return e.confirm("tell new nodes so?")
}

// warnUnlessPublic tries what a node does, and says so when it is not allowed.
func (e *env) warnUnlessPublic(ctx context.Context, admin *rest.Config) {
	client, err := e.newClient(rest.AnonymousClientConfig(admin), e.clientOptions("anonymous"))
	if err != nil {
		return
	}
	if _, err := clusterinfo.Fetch(ctx, client.Core); apierrors.IsUnauthorized(err) || apiclient.IsForbiddenByRBAC(err) {
		e.warn("nodes may not read cluster-info: the Role kubeadm:bootstrap-signer-clusterinfo in kube-public is missing or not bound to system:anonymous; run: bootctl setup")
	}
}

// printChange prints what a write has changed, or would have if it had not ended
// with err.
func (e *env) printChange(c clusterinfo.Change, err error) error {
	if err != nil && !errors.Is(err, errDryRun) {
		return err
	}
	object := output.ClusterInfoChange{
		Meta: output.Kind("ClusterInfoChange"), Written: err == nil && !c.IsEmpty(), DryRun: err != nil,
		After: describeDocument(c.After), Added: orEmpty(c.Added), Replaced: orEmpty(c.Replaced), Removed: orEmpty(c.Removed),
	}
	if c.Before != nil {
		before := describeDocument(c.Before)
		object.Before = &before
	}
	return e.print(changeView(object))
}

func changeView(object output.ClusterInfoChange) view {
	before := output.ClusterInfoDocument{Pins: []string{}}
	if object.Before != nil {
		before = *object.Before
	}
	action := "unchanged"
	switch {
	case object.DryRun:
		action = "would be written"
	case object.Written:
		action = "written"
	}
	v := view{object: object, names: []reference{configMapResource.reference(api.ConfigMapClusterInfo)}, header: []string{"CLUSTER-INFO", action}}
	v.rows = [][]string{{"address", object.After.Server}, {"CA", joined(object.After.Pins)}}
	for _, row := range [][]string{
		{"address before", before.Server}, {"CA before", joined(before.Pins)},
		{"signatures added", joined(object.Added)}, {"signatures replaced", joined(object.Replaced)}, {"signatures removed", joined(object.Removed)},
	} {
		if row[1] != "" && row[1] != object.After.Server && row[1] != joined(object.After.Pins) {
			v.rows = append(v.rows, row)
		}
	}
	return v
}

// describeDocument says what a kubeconfig tells nodes; of one that they would
// not take, why.
func describeDocument(raw []byte) output.ClusterInfoDocument {
	document, err := clusterinfo.ParseDocument(raw)
	if err != nil {
		return output.ClusterInfoDocument{Pins: []string{}, Problem: err.Error()}
	}
	return output.ClusterInfoDocument{Server: document.Server.URL(), Pins: pinTexts(document.CAs)}
}

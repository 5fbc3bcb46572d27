package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/setup"
)

type setupOptions struct {
	document    documentOptions
	autoApprove string
}

func (o *setupOptions) addFlags(fs *pflag.FlagSet) {
	o.document.addFlags(fs)
	fs.StringVar(&o.autoApprove, "auto-approve", string(setup.AutoApproveNodes), "`policy` nodes: new nodes get their certificates at once; none: a person approves each")
}

func newSetup(e *env) *cobra.Command {
	var o setupOptions
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Prepare a cluster so that nodes can join it",
		Long: `Creates the RBAC that joining nodes need, under kubeadm's names, and publishes
cluster-info. What is there and grants the same is left as it is; where something
of a name grants something else, setup changes nothing and exits 9. It may be run
again at any time.

With --auto-approve=nodes, whoever has a token gets the certificate of any node
name it asks for. With none, an administrator runs csr approve for each new node;
nodes still renew their own certificates.

Needs the rights of a cluster administrator.`,
		Example: "  bootctl setup --endpoint https://192.0.2.1:6443",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runSetup(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runSetup(ctx context.Context, e *env, o setupOptions) error {
	approval := setup.Approval(o.autoApprove)
	if approval != setup.AutoApproveNodes && approval != setup.AutoApproveNone {
		return fmt.Errorf("%w: --auto-approve is %s or %s, not %q", errInput, setup.AutoApproveNodes, setup.AutoApproveNone, o.autoApprove)
	}
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
	results, err := setup.Apply(ctx, client.RBAC, setup.Objects(approval))
	if err != nil {
		return err
	}
	change, err := clusterinfo.Writer{Client: client.Core, Now: e.now}.Publish(ctx, document)
	if err != nil {
		return err
	}
	return e.print(setupView(results, !change.IsEmpty()))
}

func setupView(results []setup.Result, published bool) view {
	object := output.SetupResult{Meta: output.Kind("SetupResult")}
	for _, r := range results {
		action := "unchanged"
		if r.Created {
			action = "created"
		}
		object.Items = append(object.Items, output.SetupItem{Kind: r.Object.Kind, Namespace: r.Object.Namespace, Name: r.Object.Name, Action: action})
	}
	clusterInfo := output.SetupItem{Kind: "ConfigMap", Namespace: "kube-public", Name: "cluster-info", Action: "unchanged"}
	if published {
		clusterInfo.Action = "updated"
	}
	object.Items = append(object.Items, clusterInfo)
	v := view{object: object, header: []string{"KIND", "NAMESPACE", "NAME", "ACTION"}}
	for _, item := range object.Items {
		v.names = append(v.names, item.Name)
		v.rows = append(v.rows, []string{item.Kind, item.Namespace, item.Name, item.Action})
	}
	return v
}

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/setup"
)

type setupOptions struct {
	endpoint    string
	caFile      string
	autoApprove string
}

func (o *setupOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.endpoint, "endpoint", "", "the `address` at which nodes reach the API server; else that of the kubeconfig")
	fs.StringVar(&o.caFile, "ca-file", "", "the CA certificates for nodes, in this PEM `file`; else those of the kubeconfig")
	fs.StringVar(&o.autoApprove, "auto-approve", string(setup.AutoApproveNodes), "`nodes`: new nodes get their certificates at once; none: a person approves each")
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
	document, err := o.document(config.rest)
	if err != nil {
		return err
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	results, err := setup.Apply(ctx, client.RBAC, setup.Objects(approval))
	if err != nil {
		return err
	}
	changed, err := clusterinfo.Publish(ctx, client.Core, document, e.now())
	if err != nil {
		return err
	}
	return e.print(setupView(results, changed))
}

// document returns the kubeconfig for cluster-info.
func (o setupOptions) document(config *rest.Config) ([]byte, error) {
	address := o.endpoint
	if address == "" {
		address = config.Host
	}
	endpoint, err := clusterinfo.ParseEndpoint(address)
	if err != nil {
		return nil, err
	}
	if o.endpoint == "" && endpoint.IsLoopback() {
		return nil, fmt.Errorf("%w: the kubeconfig has %s", errLoopback, endpoint)
	}
	if o.caFile != "" {
		cas, err := readCAs(o.caFile)
		if err != nil {
			return nil, err
		}
		return clusterinfo.Encode(endpoint, cas)
	}
	if err := rest.LoadTLSFiles(config); err != nil {
		return nil, err
	}
	cas, err := certpem.Parse(config.CAData)
	if err != nil {
		return nil, fmt.Errorf("%w: its CA: %w; give --ca-file", errKubeconfig, err)
	}
	return clusterinfo.Encode(endpoint, cas)
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

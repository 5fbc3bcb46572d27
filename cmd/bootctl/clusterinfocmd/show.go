package clusterinfocmd

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

type showOptions struct{ endpoint string }

func (o *showOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.endpoint, "endpoint", "", "read cluster-info as a node does, without credentials, from `address`")
}

func newShow(e *cli.Env) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the cluster-info ConfigMap",
		Long: `Show the cluster-info ConfigMap.

Shows the API server's address, the CA certificates, and the IDs of the tokens
with which cluster-info is signed. -o kubeconfig and -o ca print only the
kubeconfig or the CA certificates.

With --endpoint, reads cluster-info without credentials over a connection that
is not verified, so the output may be forged. To verify it, use bootctl
cluster-info verify.

Permissions:
  get on the configmap cluster-info in kube-public`,
		Example: `  # Print the kubeconfig that nodes download
  bootctl cluster-info show -o kubeconfig

  # Show what a node sees, without a kubeconfig
  bootctl cluster-info show --endpoint 192.0.2.1:6443`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{cli.FormatsAnnotation: "kubeconfig ca"},
		RunE:        func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o showOptions) validate() error { return cmdutil.ValidateEndpoint(o.endpoint) }

func (o showOptions) run(ctx context.Context, e *cli.Env) error {
	if err := o.validate(); err != nil {
		return err
	}
	client, err := o.client(e)
	if err != nil {
		return err
	}
	info, document, err := clusterinfo.FetchDocument(ctx, client.Core)
	if err != nil {
		return err
	}
	if o.endpoint != "" {
		e.Warn("the connection to " + o.endpoint + " was not verified, so the output may be forged")
	}
	return e.Print(clusterInfoView(info, document, o.endpoint == ""))
}

func (o showOptions) client(e *cli.Env) (*kubeclient.Client, error) {
	if o.endpoint == "" {
		return e.Client()
	}
	e.AtNode = true
	endpoint, err := clusterinfo.ParseEndpoint(o.endpoint)
	if err != nil {
		return nil, err
	}
	config := &rest.Config{Host: endpoint.URL(), TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	return e.NewClient(config, e.ClientOptions("anonymous, connection not verified"))
}

func clusterInfoView(info clusterinfo.Info, document clusterinfo.Document, verified bool) cli.Result {
	object := output.ClusterInfo{
		Meta:           output.Kind("ClusterInfo"),
		Server:         document.Server.URL(),
		CACertificates: []output.CACertificate{},
		Signatures:     cli.OrEmpty(info.TokenIDs()),
		Verified:       verified,
	}
	v := cli.Result{Header: []string{"SERVER", "CA", "CA EXPIRES", "PIN", "SIGNED WITH"}, Names: []cli.Name{{GroupKind: cmdutil.ConfigMapResource.GroupKind, Name: api.ConfigMapClusterInfo, Bare: object.Server}}}
	for _, cert := range document.CAs {
		ca := caCertificate(cert)
		object.CACertificates = append(object.CACertificates, ca)
		v.Rows = append(v.Rows, []string{object.Server, ca.Subject, ca.NotAfter.Format(time.RFC3339), ca.Pin, strings.Join(object.Signatures, ",")})
	}
	v.Object = object
	v.Formats = map[string]string{"kubeconfig": string(info.Raw), "ca": string(certpem.Encode(document.CAs...))}
	return v
}

func caCertificate(cert *x509.Certificate) output.CACertificate {
	return output.CACertificate{
		Subject:  cert.Subject.String(),
		NotAfter: cert.NotAfter.UTC(),
		Pin:      clusterinfo.PinOf(cert).String(),
	}
}

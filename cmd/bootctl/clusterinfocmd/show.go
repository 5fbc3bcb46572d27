package main

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

type clusterInfoShowOptions struct {
	endpoint string
}

func (o *clusterInfoShowOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.endpoint, "endpoint", "", "read it as a node would, without credentials, from this `address`")
}

func newClusterInfoShow(e *env) *cobra.Command {
	var o clusterInfoShowOptions
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what nodes learn of the cluster",
		Long: `Shows the API server's address, the CA certificates and the signatures in the
ConfigMap cluster-info. -o kubeconfig and -o ca print just those.

With --endpoint it is read without credentials over a connection that nothing
verifies: what is shown is then a claim; cluster-info verify tells whether it holds.

Needs get on the configmap cluster-info in kube-public.`,
		Example:     "  bootctl cluster-info show -o kubeconfig",
		Args:        cobra.NoArgs,
		Annotations: map[string]string{formatsAnnotation: "kubeconfig ca"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runClusterInfoShow(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	e.addConnectionFlags(cmd)
	return cmd
}

func runClusterInfoShow(ctx context.Context, e *env, o clusterInfoShowOptions) error {
	client, err := o.client(e)
	if err != nil {
		return err
	}
	info, document, err := readClusterInfo(ctx, client)
	if err != nil {
		return err
	}
	if o.endpoint != "" {
		e.warn("the connection was not verified: this is what someone at " + o.endpoint + " claims")
	}
	return e.print(clusterInfoView(info, document, o.endpoint == ""))
}

// readClusterInfo reads cluster-info and the kubeconfig in it.
func readClusterInfo(ctx context.Context, client *apiclient.Client) (clusterinfo.Info, clusterinfo.Document, error) {
	info, err := clusterinfo.Fetch(ctx, client.Core)
	if err != nil {
		return info, clusterinfo.Document{}, err
	}
	document, err := clusterinfo.ParseDocument(info.Raw)
	return info, document, err
}

func (o clusterInfoShowOptions) client(e *env) (*apiclient.Client, error) {
	if o.endpoint == "" {
		return e.client()
	}
	e.atNode = true
	endpoint, err := clusterinfo.ParseEndpoint(o.endpoint)
	if err != nil {
		return nil, err
	}
	config := &rest.Config{Host: endpoint.URL(), Timeout: e.global.requestTimeout, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	return e.newClient(config, e.clientOptions("anonymous, connection not verified"))
}

func clusterInfoView(info clusterinfo.Info, document clusterinfo.Document, verified bool) view {
	object := output.ClusterInfo{
		Meta:           output.Kind("ClusterInfo"),
		Server:         document.Server.URL(),
		CACertificates: []output.CACertificate{},
		Signatures:     orEmpty(info.TokenIDs()),
		Verified:       verified,
	}
	v := view{header: []string{"SERVER", "CA", "CA EXPIRES", "PIN", "SIGNED WITH"}, names: []reference{{configMapResource.GroupKind, api.ConfigMapClusterInfo, object.Server}}}
	for _, cert := range document.CAs {
		ca := caCertificate(cert)
		object.CACertificates = append(object.CACertificates, ca)
		v.rows = append(v.rows, []string{object.Server, ca.Subject, ca.NotAfter.Format(time.RFC3339), ca.Pin, strings.Join(object.Signatures, ",")})
	}
	v.object = object
	v.formats = map[string]string{"kubeconfig": string(info.Raw), "ca": string(certpem.Encode(document.CAs...))}
	return v
}

func caCertificate(cert *x509.Certificate) output.CACertificate {
	return output.CACertificate{
		Subject:  cert.Subject.String(),
		NotAfter: cert.NotAfter.UTC(),
		Pin:      clusterinfo.PinOf(cert).String(),
	}
}

// Package cmdutil has what the commands of several nouns share: flags and input about
// tokens, trust and cluster-info, and the names and texts that they print.
package cmdutil

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// DocumentFlags are the flags that say what nodes learn of the cluster.
type DocumentFlags struct {
	Endpoint string
	CaFile   string
}

// AddFlags adds the flags.
func (o *DocumentFlags) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Endpoint, "endpoint", "", "the `address` at which nodes reach the API server; else that of the kubeconfig")
	fs.StringVar(&o.CaFile, "ca-file", "", "the CA certificates for nodes, in this PEM `file`; else those of the kubeconfig")
}

// Read returns the kubeconfig for cluster-info. admin may be nil where both flags are given.
func (o DocumentFlags) Read(e *cli.Env, admin *rest.Config) ([]byte, error) {
	address := o.Endpoint
	if address == "" {
		address = admin.Host
	}
	endpoint, err := clusterinfo.ParseEndpoint(address)
	if err != nil {
		return nil, err
	}
	if o.Endpoint == "" && endpoint.IsLoopback() {
		return nil, fmt.Errorf("%w: the kubeconfig has %s", failure.ErrLoopbackEndpoint, endpoint)
	}
	cas, err := o.readCAs(e, admin)
	if err != nil {
		return nil, err
	}
	return clusterinfo.Encode(endpoint, cas)
}

func (o DocumentFlags) readCAs(e *cli.Env, admin *rest.Config) ([]*x509.Certificate, error) {
	if o.CaFile == "" {
		return KubeconfigCAs(admin)
	}
	cas, err := e.ReadCAs(o.CaFile)
	if err != nil {
		return nil, err
	}
	if _, err := clusterinfo.Trusted(cas, clusterinfo.Pins(cas), e.Now()); err != nil {
		return nil, fmt.Errorf("%w: no node would take the CA in %s: %w", failure.ErrUsage, o.CaFile, err)
	}
	return cas, nil
}

// KubeconfigCAs returns the CA certificates that the administrator trusts.
func KubeconfigCAs(admin *rest.Config) ([]*x509.Certificate, error) {
	if err := rest.LoadTLSFiles(admin); err != nil {
		return nil, err
	}
	cas, err := certpem.Parse(admin.CAData)
	if err != nil {
		return nil, fmt.Errorf("%w: its CA: %w; give --ca-file", failure.ErrInvalidKubeconfig, err)
	}
	return cas, nil
}

// ReadClusterInfo reads cluster-info and the kubeconfig in it.
func ReadClusterInfo(ctx context.Context, client *kubeclient.Client) (clusterinfo.Info, clusterinfo.Document, error) {
	info, err := clusterinfo.Fetch(ctx, client.Core)
	if err != nil {
		return info, clusterinfo.Document{}, err
	}
	document, err := clusterinfo.ParseDocument(info.Raw)
	return info, document, err
}

// WarnOfOthers names the endpoints that are not of the cluster.
func WarnOfOthers(e *cli.Env, others discovery.EndpointErrors) {
	for _, err := range others {
		e.Warn("an endpoint is not of this cluster: " + err.Error())
	}
}

// PinTexts returns the pin of each certificate.
func PinTexts(certs []*x509.Certificate) []string {
	texts := []string{}
	for _, pin := range clusterinfo.Pins(certs) {
		texts = append(texts, pin.String())
	}
	return texts
}

// JoinWords prints a list in one cell.
func JoinWords(items []string) string { return strings.Join(items, " ") }

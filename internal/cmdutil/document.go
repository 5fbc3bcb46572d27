package main

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// documentOptions are the flags that say what nodes learn of the cluster.
type documentOptions struct {
	endpoint string
	caFile   string
}

func (o *documentOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.endpoint, "endpoint", "", "the `address` at which nodes reach the API server; else that of the kubeconfig")
	fs.StringVar(&o.caFile, "ca-file", "", "the CA certificates for nodes, in this PEM `file`; else those of the kubeconfig")
}

// read returns the kubeconfig for cluster-info.
func (o documentOptions) read(e *env, admin *rest.Config) ([]byte, error) {
	address := o.endpoint
	if address == "" {
		address = admin.Host
	}
	endpoint, err := clusterinfo.ParseEndpoint(address)
	if err != nil {
		return nil, err
	}
	if o.endpoint == "" && endpoint.IsLoopback() {
		return nil, fmt.Errorf("%w: the kubeconfig has %s", failure.ErrLoopbackEndpoint, endpoint)
	}
	if o.caFile != "" {
		cas, err := e.readCAs(o.caFile)
		if err != nil {
			return nil, err
		}
		if _, err := clusterinfo.Trusted(cas, clusterinfo.Pins(cas), e.now()); err != nil {
			return nil, fmt.Errorf("%w: no node would take the CA in %s: %w", failure.ErrUsage, o.caFile, err)
		}
		return clusterinfo.Encode(endpoint, cas)
	}
	cas, err := kubeconfigCAs(admin)
	if err != nil {
		return nil, err
	}
	return clusterinfo.Encode(endpoint, cas)
}

// kubeconfigCAs returns the CA certificates that the administrator trusts.
func kubeconfigCAs(admin *rest.Config) ([]*x509.Certificate, error) {
	if err := rest.LoadTLSFiles(admin); err != nil {
		return nil, err
	}
	cas, err := certpem.Parse(admin.CAData)
	if err != nil {
		return nil, fmt.Errorf("%w: its CA: %w; give --ca-file", failure.ErrInvalidKubeconfig, err)
	}
	return cas, nil
}

// joined prints a list in one cell.
func joined(items []string) string { return strings.Join(items, " ") }

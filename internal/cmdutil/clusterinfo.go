package cmdutil

import (
	"crypto/x509"
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// DocumentFlags are the flags for the contents of cluster-info.
type DocumentFlags struct {
	Endpoint string
	CaFile   string
}

// AddFlags adds the flags.
func (o *DocumentFlags) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Endpoint, "endpoint", "", "API server `address` for nodes. Defaults to the kubeconfig's address")
	fs.StringVar(&o.CaFile, "ca-file", "", "PEM `file` with CA certificates for nodes. Defaults to the kubeconfig's CA")
}

// ValidateEndpoint returns an error that matches clusterinfo.ErrInvalidEndpoint if the value
// of --endpoint is neither empty nor the address of an API server.
func ValidateEndpoint(address string) error {
	if address == "" {
		return nil
	}
	_, err := clusterinfo.ParseEndpoint(address)
	return err
}

// Read returns the kubeconfig for cluster-info. admin may be nil if both flags are set.
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
		return nil, fmt.Errorf("%w: the kubeconfig has the address %s", failure.ErrLoopbackEndpoint, endpoint)
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
		return nil, failure.Usagef("nodes would reject the CA in %s: %w", o.CaFile, err)
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
		return nil, fmt.Errorf("%w: its CA: %w; use --ca-file", failure.ErrInvalidKubeconfig, err)
	}
	return cas, nil
}

package clusterinfocmd

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

type pinOptions struct{ files []string }

func newPin(e *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pin [CA-FILE]",
		Short: "Print the pin of each CA certificate",
		Long: `Print the pin of each CA certificate.

Prints the values for --ca-cert-hash: the SHA-256 hash of each CA's public key.
Reads the CA certificates from a PEM file or, without an argument, from
cluster-info.

Permissions:
  get on the configmap cluster-info in kube-public
With CA-FILE, no permissions are needed.`,
		Example: `  # Print the pins of the cluster's CA certificates
  bootctl cluster-info pin

  # Print the pin of a CA certificate on this machine
  bootctl cluster-info pin /etc/kubernetes/pki/ca.crt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error { return pinOptions{files}.run(cmd.Context(), e) },
	}
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o pinOptions) validate() error {
	return cli.UsageIf(len(o.files) > 0 && o.files[0] == "", "CA-FILE must not be empty")
}

func (o pinOptions) run(ctx context.Context, e *cli.Env) error {
	if err := o.validate(); err != nil {
		return err
	}
	certs, err := o.certificates(ctx, e)
	if err != nil {
		return err
	}
	return e.Print(pinView(certs))
}

func (o pinOptions) certificates(ctx context.Context, e *cli.Env) ([]*x509.Certificate, error) {
	if len(o.files) > 0 {
		return e.ReadCAs(o.files[0])
	}
	client, err := e.Client()
	if err != nil {
		return nil, err
	}
	_, document, err := clusterinfo.FetchDocument(ctx, client.Core)
	return document.CAs, err
}

func pinView(certs []*x509.Certificate) cli.Result {
	object := output.PinList{Meta: output.Kind("PinList"), Items: []output.CACertificate{}}
	v := cli.Result{Text: strings.Join(clusterinfo.PinTexts(certs), "\n") + "\n", Header: []string{"PIN", "SUBJECT", "EXPIRES"}}
	for _, cert := range certs {
		ca := caCertificate(cert)
		object.Items = append(object.Items, ca)
		v.Names = append(v.Names, cli.Name{Bare: ca.Pin})
		v.Rows = append(v.Rows, []string{ca.Pin, ca.Subject, ca.NotAfter.Format(time.RFC3339)})
	}
	v.Object = object
	return v
}

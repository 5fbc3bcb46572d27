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
		Long: `Prints the pins that nodes take with --ca-cert-hash: sha256: and the hash of the
public key, whatever its type. Of the CA certificates in a PEM file, or without one
of those in the cluster's cluster-info, read with the administrator's kubeconfig.

Without a file, needs get on the configmap cluster-info in kube-public.`,
		Example: "  bootctl cluster-info pin /etc/kubernetes/pki/ca.crt",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, files []string) error { return pinOptions{files}.run(cmd.Context(), e) },
	}
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o pinOptions) validate() error {
	return cli.UsageIf(len(o.files) > 0 && o.files[0] == "", "CA-FILE was given with nothing in it")
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

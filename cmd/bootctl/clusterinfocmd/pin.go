package main

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

func newClusterInfoPin(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pin [CA-FILE]",
		Short: "Print the pin of each CA certificate",
		Long: `Prints the pins that nodes take with --ca-cert-hash: sha256: and the hash of the
public key, whatever its type. Of the CA certificates in a PEM file, or without one
of those in the cluster's cluster-info, read with the administrator's kubeconfig.

Without a file, needs get on the configmap cluster-info in kube-public.`,
		Example: "  bootctl cluster-info pin /etc/kubernetes/pki/ca.crt",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			certs, err := e.certificatesOf(cmd.Context(), files)
			if err != nil {
				return err
			}
			return e.print(pinView(certs))
		},
	}
	e.addConnectionFlags(cmd)
	return cmd
}

func (e *env) certificatesOf(ctx context.Context, files []string) ([]*x509.Certificate, error) {
	if len(files) > 0 {
		return e.readCAs(files[0])
	}
	client, err := e.client()
	if err != nil {
		return nil, err
	}
	_, document, err := readClusterInfo(ctx, client)
	return document.CAs, err
}

func pinView(certs []*x509.Certificate) view {
	object := output.PinList{Meta: output.Kind("PinList"), Items: []output.CACertificate{}}
	v := view{text: strings.Join(pinTexts(certs), "\n") + "\n", names: bareReferences(pinTexts(certs)...), header: []string{"PIN", "SUBJECT", "EXPIRES"}}
	for _, cert := range certs {
		ca := caCertificate(cert)
		object.Items = append(object.Items, ca)
		v.rows = append(v.rows, []string{ca.Pin, ca.Subject, ca.NotAfter.Format(time.RFC3339)})
	}
	v.object = object
	return v
}

// pinTexts returns the pin of each certificate.
func pinTexts(certs []*x509.Certificate) []string {
	texts := []string{}
	for _, pin := range clusterinfo.Pins(certs) {
		texts = append(texts, pin.String())
	}
	return texts
}

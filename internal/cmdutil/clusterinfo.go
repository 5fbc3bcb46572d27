package cmdutil

import (
	"context"
	"crypto/x509"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// PinTexts returns the pin of each certificate.
func PinTexts(certs []*x509.Certificate) []string {
	texts := []string{}
	for _, pin := range clusterinfo.Pins(certs) {
		texts = append(texts, pin.String())
	}
	return texts
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

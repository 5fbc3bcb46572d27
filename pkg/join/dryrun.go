package join

import (
	"context"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/pkg/csr"
)

// dryRun does all of a join that changes nothing: it learns and verifies the
// cluster, and lets the API server judge the request without storing it.
func (o Options) dryRun(ctx context.Context) (Result, error) {
	if err := o.Layout.writable(); err != nil {
		return Result{}, err
	}
	key, err := o.loadPendingKey()
	if err == nil && key == nil {
		key, err = csr.GenerateKey(o.Random)
	}
	if err != nil {
		return Result{}, err
	}
	cluster, err := o.cluster(ctx)
	if err != nil {
		return Result{}, err
	}
	o.Step("rehearsing the request")
	wanted, err := csr.NewNodeRequest(o.NodeName, key, o.Random)
	if err != nil {
		return Result{}, err
	}
	client, err := o.requestClient(cluster)
	if err != nil {
		return Result{}, err
	}
	found, err := o.submitWithRetry(ctx, func(ctx context.Context) (*certificatesv1.CertificateSigningRequest, error) {
		return csr.SubmitDryRun(ctx, client.Certificates, wanted)
	})
	if err != nil {
		return Result{}, err
	}
	result := Result{NodeName: o.NodeName, Server: cluster.Server, Others: cluster.Others, Roots: cluster.Roots, RequestName: wanted.Name, Requested: found != nil}
	if found == nil {
		return result, nil
	}
	request := csr.Decode(found)
	o.Requested(request)
	return result, request.Refused()
}

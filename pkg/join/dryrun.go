package join

import (
	"context"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// dryRun does all of a join that changes nothing: it discovers and
// verifies the cluster, and lets the API server validate the CSR without storing it.
func (j *joiner) dryRun(ctx context.Context) (Result, error) {
	if err := j.Layout.writable(); err != nil {
		return Result{}, err
	}
	key, err := j.loadPendingKey()
	if err == nil && key == nil {
		key, err = csr.GenerateKey(j.Random)
	}
	if err != nil {
		return Result{}, err
	}
	cluster, err := j.cluster(ctx)
	if err != nil {
		return Result{}, err
	}
	j.step("rehearsing the request")
	client, wanted, err := j.request(cluster, key)
	if err != nil {
		return Result{}, err
	}
	found, err := j.submit(ctx, csr.SubmitDryRun, client, wanted)
	if err != nil {
		return Result{}, err
	}
	result := Result{NodeName: j.NodeName, Server: cluster.Server, Others: cluster.Others, Roots: cluster.Roots, RequestName: wanted.Name, Requested: found != nil}
	if found == nil {
		return result, nil
	}
	j.Observer.Notify(kubeclient.Event{CSR: found})
	return result, csr.Decode(found).Refused()
}

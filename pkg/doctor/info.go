package doctor

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// clusterInfo checks that cluster-info exists and that nodes can read its document.
func (c *clusterChecker) clusterInfo(context.Context) ([]Finding, error) {
	document, err := c.document()
	switch {
	case errors.Is(err, clusterinfo.ErrNotFound):
		return one(FAIL, ClusterInfoNotFound, err.Error()+c.addressNote(), c.setupCommand(nil)), nil
	case errors.Is(err, clusterinfo.ErrDocument):
		return one(FAIL, DocumentInvalid, err.Error()+c.addressNote(), "bootctl cluster-info publish --endpoint "+c.address()), nil
	case err != nil:
		return nil, err
	}
	return ok("nodes are told %s and %s", document.Server.URL(), counted(len(document.CAs), "CA certificate")), nil
}

// placeholder is what remedies have instead of an address that doctor cannot know.
const placeholder = "ADDRESS"

// address returns where nodes may reach the API server: where the administrator does,
// unless that is a tunnel or the same machine.
func (c Cluster) address() string {
	if c.Server == "" || c.Server.IsLoopback() {
		return placeholder
	}
	return c.Server.URL()
}

// addressNote explains the placeholder if a remedy has it.
func (c Cluster) addressNote() string {
	if c.address() != placeholder {
		return ""
	}
	return " (" + placeholder + " is where nodes reach the API server)"
}

// endpoint connects to the advertised address and verifies it as a node would.
func (c *clusterChecker) endpoint(ctx context.Context) ([]Finding, error) {
	document, err := c.document()
	if err != nil {
		return nil, err
	}
	at := document.Server
	publish := "bootctl cluster-info publish --endpoint " + c.address()
	if at.IsLoopback() && !c.Server.IsLoopback() {
		return one(WARN, EndpointLoopback, "nodes are told "+at.URL()+", at which each reaches only itself"+c.addressNote(), publish), nil
	}
	roots, err := clusterinfo.Trusted(document.CAs, clusterinfo.Pins(document.CAs), c.Clock.Now())
	if err != nil {
		return one(FAIL, diagnose(err).Reason, at.URL()+": "+err.Error()+c.addressNote(), publish), nil
	}
	own, err := c.info()
	if err != nil {
		return nil, err
	}
	info, err := discovery.FetchAnonymous(ctx, at, roots, c.NodeClient)
	switch {
	case errors.Is(err, clusterinfo.ErrAnonymous): // which has a check of its own
		return ok("%s answers with a certificate of a CA in cluster-info", at.URL()), nil
	case kubeclient.IsUntrusted(err):
		var name x509.HostnameError
		if errors.As(err, &name) {
			publish += "; or renew the API server's certificate so that it has this name"
		}
		return one(FAIL, CertificateUntrusted, at.URL()+": "+err.Error()+c.addressNote(), publish), nil
	case errors.Is(err, clusterinfo.ErrNotFound), err == nil && info.UID != own.UID: // their contents may be the same
		return one(FAIL, PinMismatch, "what answers at "+at.URL()+" is another cluster than "+c.Address+": its cluster-info is another object"+c.addressNote(), publish), nil
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		return one(FAIL, diagnose(err).Reason, "from this machine: "+at.URL()+": "+err.Error()+c.addressNote(), publish), nil
	}
	return ok("%s answers with the same cluster-info, and a certificate of a CA in it", at.URL()), nil
}

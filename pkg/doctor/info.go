package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
)

func (e *exam) clusterInfo(context.Context) ([]Finding, error) {
	document, err := e.document()
	switch {
	case errors.Is(err, clusterinfo.ErrNotFound):
		return one(FAIL, ClusterInfoNotFound, err.Error()+e.meant(), e.setupCommand(nil)), nil
	case errors.Is(err, clusterinfo.ErrDocument):
		return one(FAIL, DocumentInvalid, err.Error()+e.meant(), "bootctl cluster-info publish --endpoint "+e.address()), nil
	case err != nil:
		return nil, err
	}
	return ok("nodes are told %s and %s", document.Server.URL(), counted(len(document.CAs), "CA certificate")), nil
}

// placeholder stands in remedies for what doctor cannot know.
const placeholder = "ADDRESS"

// address is where nodes may reach the API server: where this administrator does,
// unless that is a tunnel or the same machine.
func (e *exam) address() string {
	if e.Server == "" || e.Server.IsLoopback() {
		return placeholder
	}
	return e.Server.URL()
}

// meant says what the placeholder is, where a remedy has it.
func (e *exam) meant() string {
	if e.address() != placeholder {
		return ""
	}
	return " (" + placeholder + " is where nodes reach the API server)"
}

// endpoint asks where nodes are told to, and verifies what they would.
func (e *exam) endpoint(ctx context.Context) ([]Finding, error) {
	document, err := e.document()
	if err != nil {
		return nil, err
	}
	at := document.Server
	publish := "bootctl cluster-info publish --endpoint " + e.address()
	if at.IsLoopback() && !e.Server.IsLoopback() {
		return one(WARN, EndpointLoopback, "nodes are told "+at.URL()+", at which each reaches only itself"+e.meant(), publish), nil
	}
	roots, err := clusterinfo.Trusted(document.CAs, clusterinfo.Pins(document.CAs), e.Clock.Now())
	if err != nil {
		return one(FAIL, nodeTrouble(err).reason, at.URL()+": "+err.Error()+e.meant(), publish), nil
	}
	own, err := e.info()
	if err != nil {
		return nil, err
	}
	info, err := e.Node.FetchAnonymous(ctx, at, roots)
	switch {
	case errors.Is(err, clusterinfo.ErrAnonymous): // which has a check of its own
		return ok("%s answers with a certificate of a CA in cluster-info", at.URL()), nil
	case apiclient.IsUntrusted(err):
		var name x509.HostnameError
		if errors.As(err, &name) {
			publish += "; or renew the API server's certificate so that it has this name"
		}
		return one(FAIL, CertificateUntrusted, at.URL()+": "+err.Error()+e.meant(), publish), nil
	case errors.Is(err, clusterinfo.ErrNotFound), err == nil && info.UID != own.UID: // what both say may be the same
		return one(FAIL, PinMismatch, "what answers at "+at.URL()+" is another cluster than "+e.Address+": its cluster-info is another object"+e.meant(), publish), nil
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		return one(FAIL, nodeTrouble(err).reason, "from this machine: "+at.URL()+": "+err.Error()+e.meant(), publish), nil
	}
	return ok("%s answers with the same cluster-info, and a certificate of a CA in it", at.URL()), nil
}

// ca judges the CA certificates that nodes are told.
func (e *exam) ca(context.Context) ([]Finding, error) {
	document, err := e.document()
	if err != nil {
		return nil, err
	}
	remedy := "renew the cluster's CA, then: bootctl cluster-info publish --endpoint " + document.Server.URL() + " --ca-file FILE"
	if len(e.CAs) > 0 && !clusterinfo.TermOf(e.CAs, e.now()).Ends {
		remedy = "bootctl cluster-info publish --endpoint " + document.Server.URL()
	}
	return e.judged("cluster-info", document.CAs, CAExpired, CAExpiresSoon, remedy), nil
}

// clientCA judges the CA certificates by which the API server knows nodes.
func (e *exam) clientCA(context.Context) ([]Finding, error) {
	cas, err := e.clientCAs()
	switch {
	case err != nil:
		return nil, err
	case len(cas) == 0:
		return ok("not known: the API server publishes none"), nil
	}
	return e.judged("the API server's --client-ca-file", cas, CAExpired, CAExpiresSoon,
		"renew the CA in the API server's --client-ca-file, keeping its key, or add the new one to it; of one that is no longer in that file: kubectl -n kube-system delete configmap extension-apiserver-authentication, which the API server writes anew"), nil
}

// signingCA judges the CA that signs the certificates of nodes, as far as the
// newest of these shows it.
func (e *exam) signingCA(context.Context) ([]Finding, error) {
	cas, err := e.clientCAs()
	if err != nil {
		return nil, err
	}
	tally, err := e.tally()
	if err != nil {
		return nil, err
	}
	const remedy = "renew the certificate in kube-controller-manager's --cluster-signing-cert-file"
	switch {
	case len(cas) == 0:
		return ok("not known: the API server publishes no client CA"), nil
	case len(tally.issued) == 0:
		return ok("not known: no certificate of a node was issued lately; --probe tells"), nil
	}
	issuers := csr.IssuersOf(tally.issued, cas)
	if len(issuers) == 0 {
		return one(WARN, SigningCAUntrusted, "no CA in the API server's --client-ca-file signed the newest certificate of a node, of request "+tally.issuedTo,
			"put the CA of kube-controller-manager's --cluster-signing-cert-file into the API server's --client-ca-file; that request shows how it was: --probe tells how it is now"), nil
	}
	return e.judged("who signed the newest certificate of a node", issuers, SigningCAExpired, SigningCAExpiresSoon, remedy), nil
}

// judged says how much of the time of CA certificates is left.
func (e *exam) judged(whose string, cas []*x509.Certificate, expired, soon, remedy string) []Finding {
	term := clusterinfo.TermOf(cas, e.now())
	evidence := fmt.Sprintf("%s: %s", whose, strings.Join(term.Words, ", "))
	switch {
	case term.Spent:
		return one(FAIL, expired, evidence, remedy)
	case term.Expired:
		return one(WARN, expired, evidence, remedy)
	case term.Ends:
		return one(WARN, soon, evidence, remedy)
	}
	return ok("%s", evidence)
}

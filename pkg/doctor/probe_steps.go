package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// nodeName is unlikely to be the name of a real node.
func (r *probeRun) nodeName() string { return "bootctl-probe-" + r.token.Token.ID() }

func (r *probeRun) makeToken(ctx context.Context) ([]Finding, error) {
	if len(r.Pins) == 0 && len(r.CAs) == 0 {
		return nil, discovery.ErrNoTrust
	}
	ctx, cancel := kubeclient.WithGracePeriod(ctx)
	defer cancel()
	groups := []string{r.Setup.TokenGroup()}
	if r.Setup.Group == api.BootstrapDefaultGroup { // every token has it
		groups = nil
	}
	var err error
	r.token, err = token.CreateRandom(ctx, r.Client.Core, token.Spec{
		Expires: r.NodeClient.Now().Add(lifetime), Usages: []string{token.Signing, token.Authentication}, Groups: groups,
		Description: "The probe of bootctl doctor, which deletes it again.",
	}, r.Random)
	if err != nil {
		return nil, err
	}
	if created := r.token.Created; !r.token.Valid(created) {
		return nil, &discovery.SkewError{Err: fmt.Errorf("token %s expired before it was created", r.token.ID), Behind: created.Sub(r.NodeClient.Now())}
	}
	return ok("token %s was created and is valid for %s", r.token.ID, lifetime), nil
}

func (r *probeRun) awaitSignature(ctx context.Context) ([]Finding, error) {
	wait := clusterinfo.SignedWait{Client: r.Client.Core, Now: r.NodeClient.Now, Observer: r.Observer}
	if err := wait.Until(ctx, []token.Info{r.token}); err != nil {
		return nil, err
	}
	return ok("cluster-info is signed with the token"), nil
}

// discover discovers the cluster as a node does, at the address that cluster-info gives
// to nodes.
func (r *probeRun) discover(ctx context.Context) ([]Finding, error) {
	_, document, err := clusterinfo.FetchDocument(ctx, r.Client.Core)
	if err != nil {
		return nil, err
	}
	opts := r.asNode(document.Server)
	discover := func(ctx context.Context) (discovery.Cluster, error) { return discovery.Discover(ctx, opts) }
	if r.cluster, err = kubeclient.Retry(ctx, discovery.Transient, r.Observer, discover); err != nil {
		return nil, from(document.Server, err)
	}
	return ok("cluster-info at %s verifies and names the server %s", r.cluster.Endpoint, r.cluster.Server), nil
}

// authenticate requests the token's identity at the address to which the CSR will be
// sent, over a connection verified with the verified CA certificates.
func (r *probeRun) authenticate(ctx context.Context) ([]Finding, error) {
	opts := r.asNode(r.cluster.Server)
	opts.CAs = r.cluster.Roots
	identify := func(ctx context.Context) (discovery.Identity, error) { return discovery.Identify(ctx, opts) }
	identity, err := kubeclient.Retry(ctx, kubeclient.IsTransient, r.Observer, identify)
	if err != nil {
		return nil, err
	}
	return ok("the API server accepts the token as %s in the groups %s", identity.Username, strings.Join(identity.Groups, ", ")), nil
}

func (r *probeRun) submit(ctx context.Context) ([]Finding, error) {
	var err error
	if r.key, err = csr.GenerateKey(r.Random); err != nil {
		return nil, err
	}
	if r.client, err = join.TokenCredential(r.token.Token).Client(r.cluster, r.NodeClient); err != nil {
		return nil, err
	}
	spec := csr.RequestSpec{Template: x509.CertificateRequest{Subject: csr.NodeSubject(r.nodeName())}, Expiration: lifetime}
	if r.wanted, err = csr.NewRequest(spec, r.key, r.Random); err != nil {
		return nil, err
	}
	submit := func(ctx context.Context) (*certificatesv1.CertificateSigningRequest, error) {
		ctx, cancel := kubeclient.WithGracePeriod(ctx)
		defer cancel()
		return csr.Submit(ctx, r.client.Certificates, r.wanted)
	}
	if r.request, err = kubeclient.Retry(ctx, kubeclient.IsTransient, r.Observer, submit); err != nil {
		return nil, err
	}
	return ok("CSR %s was submitted for node %s", r.request.Name, r.nodeName()), nil
}

// predictApproval checks whether the CSR is approved automatically.
func (r *probeRun) predictApproval(ctx context.Context) error {
	auto := approval.AutoApprovals{Client: r.Client.Authorization, Reviews: 2}
	r.autoApproved = auto.Of(ctx, csr.Decode(r.request))
	return auto.Err
}

// leaveApproval is the last check in a cluster where a person approves CSRs: it approves
// nothing, and checks that no controller does.
func (r *probeRun) leaveApproval(ctx context.Context) ([]Finding, error) {
	if err := r.predictApproval(ctx); err != nil {
		return nil, err
	}
	if r.autoApproved == csr.AutoApprovalYes {
		return one(WARN, AutoApprovalOn, "the controller csrapproving approves the CSR automatically, but you specified --auto-approve=none", r.setupCommand(" --auto-approve=none --force")), nil
	}
	return ok("the CSR waits for a person, as --auto-approve=none requires"), nil
}

// awaitApproval waits for the certificate, which shows that the CSR was approved.
func (r *probeRun) awaitApproval(ctx context.Context) ([]Finding, error) {
	_ = r.predictApproval(ctx) // it only makes the explanation more exact
	r.chain, r.unsigned = csr.Wait(ctx, r.client.Certificates, r.request, csr.WaitOptions{
		Observer: r.Observer,
		Explain:  func(waiting csr.Request) string { return csr.Explain(waiting, r.autoApproved) },
	})
	if err := r.unsigned; err != nil && !errors.Is(err, csr.ErrUnsigned) && !errors.Is(err, csr.ErrFailed) {
		return nil, err
	}
	return ok("the CSR was approved"), nil
}

// checkCertificate checks the certificate, and requests its identity from the API server.
func (r *probeRun) checkCertificate(ctx context.Context) ([]Finding, error) {
	if r.unsigned != nil {
		return nil, r.unsigned
	}
	node := join.Node{Name: r.nodeName(), Server: r.cluster.Server, Roots: r.cluster.Roots, Chain: r.chain, Key: r.key}
	cert, err := node.CheckCertificate(r.NodeClient.Now())
	if err != nil {
		return nil, err
	}
	client, err := node.Client(r.NodeClient)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	confirm := func(ctx context.Context) (any, error) { return node.Confirm(ctx, client) }
	if _, err := kubeclient.Retry(ctx, kubeclient.IsTransient, r.Observer, confirm); err != nil {
		return nil, err
	}
	return ok("the certificate is valid until %s, and the API server accepts it as %s%s", timeText(cert.NotAfter), csr.NodeUserPrefix, node.Name), nil
}

// diagnoseToken diagnoses the failure of a request made with the token, which is valid.
func (r *probeRun) diagnoseToken(err error) Finding {
	switch {
	case errors.Is(err, discovery.ErrTokenRejected), apierrors.IsUnauthorized(err):
		return failed(err, TokenAuthenticationOff, bootstrapAuth)
	case kubeclient.IsForbiddenByRBAC(err):
		return failed(err, Forbidden, r.setupCommand(""))
	case errors.Is(err, csr.ErrPending) && r.autoApproved == csr.AutoApprovalNo:
		return failed(err, AutoApprovalOff, r.setupCommand(" --auto-approve=nodes"))
	}
	return diagnose(err)
}

package doctor

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// probing is a probe under way.
type probing struct {
	Probe
	// ended says that no more steps are to follow.
	ended bool
	// token is as it was made; of one that may have been made, it has the Token alone.
	token   token.Info
	cluster clusterinfo.Cluster
	key     crypto.Signer
	client  *apiclient.Client // with the token
	// wanted is the request as it was sent, and request as the API server has it,
	// nil while that is not known.
	wanted, request *certificatesv1.CertificateSigningRequest
	autoApproved    csr.AutoApproval
	// chain is the certificate, or unsigned why there is none.
	chain    []byte
	unsigned error
	removed  []string // by the clean-up
}

// nodeName is what nobody calls a node.
func (r *probing) nodeName() string { return "bootctl-probe-" + r.token.Token.ID() }

func (r *probing) makeToken(ctx context.Context) (string, error) {
	if len(r.Trust.Pins) == 0 && len(r.Trust.CAs) == 0 {
		return "", clusterinfo.ErrNoTrust
	}
	ctx, cancel := apiclient.Outlasting(ctx)
	defer cancel()
	var err error
	r.token, err = token.CreateRandom(ctx, r.Core, token.Spec{
		Expires: r.now().Add(lifetime), Usages: []string{token.Signing, token.Authentication}, Groups: r.groups(),
		Description: "The probe of bootctl doctor, which deletes it again.",
	}, r.Random)
	if err != nil {
		return "", err
	}
	if created := r.token.Created; !r.token.Live(created) {
		return "", &clusterinfo.SkewError{Err: fmt.Errorf("token %s has ended before it was made", r.token.ID), Behind: created.Sub(r.now())}
	}
	return fmt.Sprintf("token %s is made, for %s", r.token.ID, lifetime), nil
}

func (r *probing) awaitSignature(ctx context.Context) (string, error) {
	wait := clusterinfo.SignedWait{Client: r.Core, Now: r.now}
	if err := wait.Until(ctx, []token.Token{r.token.Token}); err != nil {
		return "", err
	}
	return "cluster-info is signed with it", nil
}

// discover learns the cluster as a node does, from the address that cluster-info
// gives to nodes.
func (r *probing) discover(ctx context.Context) (string, error) {
	opts := r.Trust
	opts.Token = r.token.Token
	if len(opts.Endpoints) == 0 {
		info, err := clusterinfo.Fetch(ctx, r.Core)
		if err != nil {
			return "", err
		}
		document, err := clusterinfo.ParseDocument(info.Raw)
		if err != nil {
			return "", err
		}
		opts.Endpoints = []clusterinfo.Endpoint{document.Server}
	}
	err := apiclient.Until(ctx, waitFor(clusterinfo.Transient), func(ctx context.Context) (err error) {
		r.cluster, err = clusterinfo.Discover(ctx, opts)
		return err
	})
	if err != nil {
		return "", from(opts.Endpoints[0], err)
	}
	return fmt.Sprintf("%s verifies, and tells nodes to ask %s", r.cluster.Endpoint, r.cluster.Server), nil
}

// waitFor waits where an API server has not yet heard of what another has made.
func waitFor(transient func(error) bool) apiclient.Wait {
	return apiclient.Wait{Transient: apiclient.Patient(transient), Slow: apiclient.ErrNoAnswer}
}

// authenticate asks at the address where the request will be sent who the token is,
// over a connection that the verified CA certificates verify.
func (r *probing) authenticate(ctx context.Context) (string, error) {
	opts := r.Trust
	opts.Token, opts.CAs, opts.Endpoints = r.token.Token, r.cluster.Roots, []clusterinfo.Endpoint{r.cluster.Server}
	var identity clusterinfo.Identity
	err := apiclient.Until(ctx, waitFor(apiclient.IsTransient), func(ctx context.Context) (err error) {
		identity, err = clusterinfo.Identify(ctx, opts)
		return err
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the API server takes it for %s in %s", identity.Username, strings.Join(identity.Groups, ", ")), nil
}

func (r *probing) submit(ctx context.Context) (string, error) {
	var err error
	if r.key, err = csr.GenerateKey(r.Random); err != nil {
		return "", err
	}
	wanted := csr.Wanted{Template: x509.CertificateRequest{Subject: csr.NodeSubject(r.nodeName())}, Expiration: lifetime}
	object, err := csr.NewRequest(wanted, r.key, r.Random)
	if err != nil {
		return "", err
	}
	if r.client, err = join.TokenCredential(r.token.Token).Client(r.cluster, r.Trust.Client); err != nil {
		return "", err
	}
	r.wanted = object
	err = apiclient.Until(ctx, waitFor(apiclient.IsTransient), func(ctx context.Context) error {
		ctx, cancel := apiclient.Outlasting(ctx)
		defer cancel()
		sent, err := csr.Submit(ctx, r.client.Certificates, r.wanted)
		if err == nil {
			r.request = sent
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("request %s is sent, for node %s", r.request.Name, r.nodeName()), nil
}

// awaitApproval waits for the certificate, which tells of the approval. Where a person
// is to approve, nobody does, and the probe ends.
func (r *probing) awaitApproval(ctx context.Context) (string, error) {
	auto, err := csr.IsAutoApproved(ctx, r.Authorization, csr.Decode(r.request))
	switch {
	case err == nil && auto:
		r.autoApproved = csr.AutoApprovalYes
	case err == nil:
		r.autoApproved = csr.AutoApprovalNo
	}
	if r.Approval == setup.AutoApproveNone {
		r.ended = true
		switch {
		case err != nil:
			return "", err
		case auto:
			return "", &warning{trouble{AutoApprovalOn, r.setupCommand("--auto-approve=none", "--force")}, "the controller csrapproving approves it without a person, which is not wanted"}
		}
		return "the request waits for a person, as wanted", nil
	}
	r.chain, err = csr.Wait(ctx, r.client.Certificates, r.request, csr.WaitOptions{
		Cause:   func(error) {},
		Explain: func(silent csr.Request) string { return csr.Explain(silent, r.autoApproved) },
	})
	switch {
	case err == nil:
	case errors.Is(err, csr.ErrUnsigned), errors.Is(err, csr.ErrFailed):
		r.unsigned = err
	default:
		return "", err
	}
	return "the request is approved", nil
}

// checkCertificate checks the certificate, and asks the API server who it is.
func (r *probing) checkCertificate(ctx context.Context) (string, error) {
	if r.unsigned != nil {
		return "", r.unsigned
	}
	expected := csr.ExpectNode(r.nodeName())
	expected.PublicKey, expected.Roots, expected.Now = r.key.Public(), r.cluster.Roots, r.now()
	cert, err := csr.CheckCertificate(r.chain, expected)
	if err != nil {
		return "", err
	}
	node := join.Node{Name: r.nodeName(), Server: r.cluster.Server, Roots: r.cluster.Roots, Chain: r.chain, Key: r.key}
	client, err := node.Client(r.Trust.RequestTimeout(), r.Trust.Client)
	if err != nil {
		return "", err
	}
	defer client.Close()
	err = apiclient.Until(ctx, waitFor(apiclient.IsTransient), func(ctx context.Context) error {
		_, err := node.Confirm(ctx, client)
		return err
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("it is good until %s, and the API server takes it for %s%s", timeText(cert.NotAfter), csr.NodeUserPrefix, node.Name), nil
}

// tokenTrouble is why what was asked with the token failed, which is a good one.
func (r *probing) tokenTrouble(err error) trouble {
	switch {
	case errors.Is(err, clusterinfo.ErrTokenRejected), apierrors.IsUnauthorized(err):
		return trouble{TokenAuthenticationOff, bootstrapAuth}
	case apiclient.IsForbiddenByRBAC(err):
		return trouble{Forbidden, r.setupCommand()}
	}
	return nodeTrouble(err)
}

func (r *probing) approvalTrouble(err error) trouble {
	if errors.Is(err, csr.ErrPending) && r.autoApproved == csr.AutoApprovalNo {
		return trouble{AutoApprovalOff, r.setupCommand("--auto-approve=nodes")}
	}
	return r.tokenTrouble(err)
}

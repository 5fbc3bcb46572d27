package doctor

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// CleanUp is the check that ends a probe.
const CleanUp = "probe: clean-up"

// lifetime is the lifetime of the token and of the certificate, the shortest that the
// API server accepts for a certificate.
const lifetime = 10 * time.Minute

// controllerTime is how long a controller may take, a second more than csr.Wait takes to
// explain what it waits for. removalTime is how long each removal may take.
const (
	controllerTime = 31 * time.Second
	removalTime    = 5 * time.Second
)

// Probe performs a complete join for a fictitious node and cleans up.
type Probe struct {
	// Client has the administrator's credentials.
	Client *kubeclient.Client
	// Pins and CAs identify the cluster. There must be at least one: the token is sent
	// to no other server.
	Pins []clusterinfo.Pin
	CAs  []*x509.Certificate
	// NodeClient has the options for requests made as a node; see
	// [kubeclient.Options.WithDefaults].
	NodeClient kubeclient.Options
	// Setup describes what nodes should be able to do.
	Setup setup.Options
	// Random is the source of the token and the key.
	Random io.Reader
	// Observer receives the name of each check before it begins, as Step, and what the
	// probe waits for, as Waiting.
	Observer kubeclient.Observer
}

// Skip returns the finding that replaces the probe if the findings about the cluster show
// that it would fail, perhaps after a long wait; none if the probe can succeed.
func (p Probe) Skip(cluster []Finding) []Finding {
	for _, f := range cluster {
		if f.Status == FAIL && p.needs(f) {
			return []Finding{{Check: "probe", Status: SKIP, Message: fmt.Sprintf("needs the check %s, which failed (%s)", f.Check, f.Reason)}}
		}
	}
	return nil
}

// needs reports whether the probe fails while the finding is FAIL.
func (p Probe) needs(f Finding) bool {
	switch f.Reason {
	case ClusterInfoNotFound, DocumentInvalid, ClusterInfoFull, BootstrapSignerNotRunning,
		AnonymousDisabled, AnonymousForbidden, TokenAuthenticationOff:
		return true
	case CSRApproverNotRunning, CSRSignerNotRunning:
		return p.Setup.Approval != setup.AutoApproveNone // otherwise it waits for neither
	}
	return f.Check == "server" || f.Check == "endpoint"
}

// Run creates a token that expires after ten minutes and waits for its signature. With
// the token it discovers the cluster, requests its own identity, and submits a CSR; it
// waits for the certificate, checks it, and uses it. A check may take 31 s, and all of them
// until the deadline of ctx. Run returns a finding for each check up to the first that
// fails, and one for the clean-up, which always takes place: it removes the token and the
// CSR, and nothing that others created. The key is never written.
//
// Access: create, get, list and delete on secrets in kube-system; get on the configmap
// cluster-info in kube-public; get and delete on certificatesigningrequests; create
// on subjectaccessreviews.
func (p Probe) Run(ctx context.Context) []Finding {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return []Finding{{Check: "probe", Status: SKIP, Message: "no time was left after the other checks"}}
	}
	r := &probeRun{Probe: p, clock: &discovery.Clock{Now: p.NodeClient.Now}}
	r.NodeClient = r.clock.Watch(p.NodeClient.WithDefaults())
	findings := inOrder(ctx, r.checks(), p.Observer)
	if r.token.Token.IsZero() { // nothing was created
		return findings
	}
	cleanUp := r.check(CleanUp, 0, r.cleanUp, diagnoseAdmin)
	return append(findings, inOrder(context.WithoutCancel(ctx), []check{cleanUp}, p.Observer)...)
}

// probeRun is one run of a probe. It has what the earlier checks produced.
type probeRun struct {
	Probe
	clock *discovery.Clock // of the API server
	// token is the token as it was created; if only its creation was tried, it has only
	// the Token.
	token   token.Info
	cluster discovery.Cluster
	key     crypto.Signer
	client  *kubeclient.Client // with the token
	// wanted is the CSR as it was sent, and request as the API server stores it; nil
	// while that is unknown.
	wanted, request *certificatesv1.CertificateSigningRequest
	autoApproved    csr.AutoApproval
	// chain is the certificate; unsigned is the error if none was issued.
	chain    []byte
	unsigned error
	removed  []string // by the clean-up
}

func (r *probeRun) checks() []check {
	answer := r.NodeClient.Timeout
	checks := []check{
		r.check("probe: token", answer, r.makeToken, diagnoseAdmin),
		r.check("probe: signature", controllerTime, r.awaitSignature, diagnoseAdmin),
		r.check("probe: discovery", answer, r.discover, diagnose),
		r.check("probe: authentication", answer, r.authenticate, r.diagnoseToken),
		r.check("probe: request", answer, r.submit, r.diagnoseToken),
	}
	if r.Setup.Approval == setup.AutoApproveNone {
		return append(checks, r.check("probe: approval", controllerTime, r.leaveApproval, r.diagnoseToken))
	}
	return append(checks,
		r.check("probe: approval", controllerTime, r.awaitApproval, r.diagnoseToken),
		r.check("probe: certificate", answer, r.checkCertificate, diagnose))
}

// check returns a check of the probe. It adds the duration to the message of a
// successful check.
func (r *probeRun) check(name string, timeout time.Duration, run runner, diagnose func(error) Finding) check {
	return check{name: name, timeout: timeout, required: true,
		run: func(ctx context.Context) ([]Finding, error) {
			begin := r.NodeClient.Now()
			findings, err := run(ctx)
			for i := range findings {
				if findings[i].Status == OK {
					findings[i].Message += fmt.Sprintf(", %s", r.NodeClient.Now().Sub(begin).Round(time.Millisecond))
				}
			}
			return findings, err
		},
		diagnose: func(ctx context.Context, err error) Finding {
			if errors.Is(ctx.Err(), context.Canceled) {
				return Finding{Status: FAIL, Reason: Interrupted, Message: "the probe was interrupted", Fix: again}
			}
			return diagnose(r.clock.Explain(err))
		},
	}
}

// asNode returns the options for a request made as a node.
func (r *probeRun) asNode(to clusterinfo.Endpoint) discovery.Options {
	return discovery.Options{
		Endpoints: []clusterinfo.Endpoint{to}, Trust: discovery.Trust{Pins: r.Pins, CAs: r.CAs}, Token: r.token.Token, Client: r.NodeClient,
	}
}

// setupCommand returns bootctl setup for the group, with the flags.
func (p Probe) setupCommand(flags string) string {
	return "bootctl setup" + flags + groupFlag(p.Setup)
}

// cleanUp removes what the probe created, or may have created.
func (r *probeRun) cleanUp(ctx context.Context) ([]Finding, error) {
	var left, commands []string
	if err := r.untilGone(ctx, r.removeToken); err != nil {
		left = append(left, kubeclient.Message(err))
		commands = append(commands, "bootctl token delete "+r.token.Token.ID())
	}
	if r.wanted != nil {
		r.client.Close()
		if err := r.untilGone(ctx, r.removeRequest); err != nil {
			left = append(left, kubeclient.Message(err))
			commands = append(commands, "kubectl delete csr "+r.wanted.Name)
		}
	}
	if len(left) > 0 {
		return one(FAIL, ProbeLeft,
			fmt.Sprintf("%s; the token expires at %s, and the cluster deletes the CSR within a day", strings.Join(left, "; "), timeText(r.token.Expires)),
			strings.Join(commands, "; ")), nil
	}
	return ok("%s removed", cmp.Or(strings.Join(r.removed, " and "), "nothing")), nil
}

// untilGone retries a removal that failed because of a temporary error or a conflict. A
// missing object counts as removed.
func (r *probeRun) untilGone(ctx context.Context, remove func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, removalTime)
	defer cancel()
	wait := kubeclient.Wait{Transient: func(err error) bool { return errors.Is(err, token.ErrChanged) || kubeclient.IsTransient(err) }}
	err := kubeclient.Until(ctx, wait, remove)
	if errors.Is(err, token.ErrNotFound) || errors.Is(err, csr.ErrNotFound) || errors.Is(err, csr.ErrReplaced) {
		return nil
	}
	return err
}

// removeToken deletes the token, and no token that others created with its ID.
func (r *probeRun) removeToken(ctx context.Context) error {
	now, err := token.Get(ctx, r.Client.Core, r.token.Token.ID())
	if err != nil || now.Matches(r.token.Token) != nil || r.token.UID != "" && now.UID != r.token.UID {
		return err
	}
	if err := token.Delete(ctx, r.Client.Core, now); err != nil {
		return err
	}
	r.removed = append(r.removed, "token "+now.ID)
	return nil
}

// removeRequest deletes the CSR, and no CSR that others created with its name.
func (r *probeRun) removeRequest(ctx context.Context) error {
	now, err := csr.Get(ctx, r.Client.Certificates, csr.Request{Name: r.wanted.Name})
	if err != nil || !r.isOurs(now) {
		return err
	}
	if err := csr.DeleteOwn(ctx, r.Client.Certificates, now); err != nil {
		return err
	}
	r.removed = append(r.removed, "CSR "+now.Name)
	return nil
}

func (r *probeRun) isOurs(found csr.Request) bool {
	if r.request != nil {
		return found.UID == string(r.request.UID)
	}
	return found.PKCS10 != nil && csr.Fingerprint(found.PKCS10.PublicKey) == csr.Fingerprint(r.key.Public())
}

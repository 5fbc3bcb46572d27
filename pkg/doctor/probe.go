package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
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

// controllerTime is how long a controller may take, which is a second more than
// csr.Wait takes to explain what it waits for, and removalTime how long each removal.
const (
	controllerTime = 31 * time.Second
	removalTime    = 5 * time.Second
)

// Probe performs a complete join for a fictitious node and cleans up. It has the
// administrator's clients.
type Probe struct {
	Core          corev1client.CoreV1Interface
	Certificates  certificatesv1client.CertificateSigningRequestsGetter
	Authorization authorizationv1client.SubjectAccessReviewsGetter
	// Pins and CAs identify the cluster. There must be at least one: the token is sent
	// to no other server.
	Pins []clusterinfo.Pin
	CAs  []*x509.Certificate
	// NodeClient has the options for requests made as a node; see
	// [kubeclient.Options.WithDefaults].
	NodeClient kubeclient.Options
	// Group is the group of nodes' tokens; empty means token.DefaultGroup.
	Group string
	// Approval is how CSRs should be approved; empty means AutoApproveNodes.
	Approval setup.Approval
	// Random is the source of the token and the key.
	Random io.Reader
	// Observer, if not nil, is called before each check.
	Observer func(Event)
}

// Run creates a token that expires after ten minutes and waits for its signature. With
// the token it discovers the cluster, asks for its own identity, and submits a CSR,
// whose certificate it waits for, checks, and tries. A check may take half a minute. It
// returns a finding for each check up to the first that fails, and one for the
// clean-up, which takes place however Run ends: it removes the token and the CSR, and
// nothing that others created. The key is never written.
//
// Access: create, get, list and delete on secrets in kube-system; get on the configmap
// cluster-info in kube-public; get and delete on certificatesigningrequests; create
// on subjectaccessreviews.
func (p Probe) Run(ctx context.Context) []Finding {
	r := &probeRun{Probe: p, clock: &discovery.Clock{Now: p.NodeClient.Now}}
	r.NodeClient = r.clock.Watch(p.NodeClient.WithDefaults())
	findings := inOrder(ctx, r.checks(), p.Observer)
	if r.nothingMade() {
		return findings
	}
	cleanUp := r.check(CleanUp, 0, r.cleanUp, diagnoseAdmin)
	return append(findings, inOrder(context.WithoutCancel(ctx), []check{cleanUp}, p.Observer)...)
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
	if r.Approval == setup.AutoApproveNone {
		return append(checks, r.check("probe: approval", controllerTime, r.leaveApproval, r.diagnoseToken))
	}
	return append(checks,
		r.check("probe: approval", controllerTime, r.awaitApproval, r.diagnoseApproval),
		r.check("probe: certificate", answer, r.checkCertificate, diagnose))
}

// check returns a check of the probe. It adds to the evidence of success how long that
// took.
func (r *probeRun) check(name string, timeout time.Duration, run func(context.Context) ([]Finding, error), diagnose func(error) Finding) check {
	return check{name: name, timeout: timeout, required: true,
		run: func(ctx context.Context) ([]Finding, error) {
			begin := r.now()
			findings, err := run(ctx)
			for i := range findings {
				if findings[i].Status == OK {
					findings[i].Evidence += fmt.Sprintf(", %s", r.now().Sub(begin).Round(time.Millisecond))
				}
			}
			return findings, err
		},
		diagnose: func(ctx context.Context, err error) Finding {
			if errors.Is(ctx.Err(), context.Canceled) {
				return Finding{Status: FAIL, Reason: Interrupted, Evidence: "broken off", Remedy: "run it again"}
			}
			return diagnose(r.clock.Explain(err))
		},
	}
}

func (r *probeRun) now() time.Time { return r.NodeClient.Now() }

// asNode returns the options for a request made as a node.
func (r *probeRun) asNode() discovery.Options {
	return discovery.Options{Trust: discovery.Trust{Pins: r.Pins, CAs: r.CAs}, Token: r.token.Token, Client: r.NodeClient}
}

// groups returns the groups that the token needs, except the one that each token has.
func (p Probe) groups() []string {
	switch p.Group {
	case "":
		return []string{token.DefaultGroup}
	case api.BootstrapDefaultGroup:
		return nil
	}
	return []string{p.Group}
}

// setupCommand returns bootctl setup for the group.
func (p Probe) setupCommand(flags ...string) string {
	return strings.Join(append([]string{"bootctl setup"}, flags...), " ") + groupFlag(p.Group)
}

package doctor

import (
	"context"
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
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// The steps of a probe.
const (
	probeToken          = "probe: token"
	probeSignature      = "probe: signature"
	probeDiscovery      = "probe: discovery"
	probeAuthentication = "probe: authentication"
	probeRequest        = "probe: request"
	probeApproval       = "probe: approval"
	probeCertificate    = "probe: certificate"

	// CleanUp is the last.
	CleanUp = "probe: clean-up"
)

// lifetime is that of the token, and of the certificate, for which the API server
// takes no less.
const lifetime = 10 * time.Minute

// How long a controller may take, which is a second more than csr.Wait takes to say
// who is silent; and how long each removal.
const (
	controllerTime = 31 * time.Second
	removalTime    = 5 * time.Second
)

// Probe does once, for a node that there is not, all that a joining node does, and
// removes what it made. It has the administrator's clients.
type Probe struct {
	Core          corev1client.CoreV1Interface
	Certificates  certificatesv1client.CertificateSigningRequestsGetter
	Authorization authorizationv1client.SubjectAccessReviewsGetter
	// Trust has the pins and CA certificates that the administrator knows, of which
	// there must be some: the token is sent to nobody else. Where it has no endpoint,
	// the one in cluster-info is asked. Its Token and SkipCAVerification do not count.
	Trust clusterinfo.Options
	// Group is that of the tokens of nodes; empty means token.DefaultGroup.
	Group string
	// Approval says whether a request is to be approved without a person;
	// AutoApproveNodes where it is empty.
	Approval setup.Approval
	// Random draws the token and the key.
	Random io.Reader
	// Step is told of each step before it begins; nil means nobody is.
	Step func(check string)
}

// Run makes a token that ends after ten minutes and waits for its signature, then
// with the token discovers the cluster, asks who it is, and submits one request,
// whose certificate it waits for, checks, and tries. A step may take half a minute. It
// returns a finding for each step up to the first that fails, and one of the
// clean-up, which takes place however Run ends: it removes the token and the request,
// and nothing that others made. The key is never written.
//
// Access: create, get, list and delete on secrets in kube-system; get on the configmap
// cluster-info in kube-public; get and delete on certificatesigningrequests; create
// on subjectaccessreviews.
func (p Probe) Run(ctx context.Context) []Finding {
	clock := clusterinfo.Clock{Now: p.Trust.Client.Now}
	p.Trust.Client = clock.Watch(p.Trust.Client)
	p.Trust.SkipCAVerification, p.Trust.Token = false, token.Token{}
	r := &probing{Probe: p}
	var findings []Finding
	for _, step := range r.steps() {
		finding := r.take(ctx, step, clock.Explain)
		findings = append(findings, finding)
		if finding.Status == FAIL || r.ended {
			break
		}
	}
	if r.nothingMade() {
		return findings
	}
	return append(findings, r.cleanUp(ctx))
}

// step is one of a probe. It may take as long as time.
type step struct {
	check string
	time  time.Duration
	// do returns what was seen, and on failure whose trouble it is.
	do      func(context.Context) (evidence string, err error)
	trouble func(error) trouble
}

func (r *probing) steps() []step {
	answer := r.Trust.RequestTimeout()
	return []step{
		{probeToken, answer, r.makeToken, adminTrouble},
		{probeSignature, controllerTime, r.awaitSignature, adminTrouble},
		{probeDiscovery, answer, r.discover, nodeTrouble},
		{probeAuthentication, answer, r.authenticate, r.tokenTrouble},
		{probeRequest, answer, r.submit, r.tokenTrouble},
		{probeApproval, controllerTime, r.awaitApproval, r.approvalTrouble},
		{probeCertificate, answer, r.checkCertificate, nodeTrouble},
	}
}

// take does one step.
func (r *probing) take(ctx context.Context, s step, explain func(error) error) Finding {
	r.tell(s.check)
	limited, cancel := context.WithTimeout(ctx, s.time)
	defer cancel()
	begin := r.now()
	evidence, err := "", ctx.Err()
	if !errors.Is(err, context.Canceled) {
		evidence, err = s.do(limited)
		err = explain(err)
	}
	var w *warning
	switch {
	case err == nil:
		return Finding{Check: s.check, Status: OK, Evidence: evidence + r.took(begin)}
	case errors.Is(ctx.Err(), context.Canceled):
		return Finding{s.check, FAIL, Interrupted, "broken off" + r.took(begin), "run it again"}
	case errors.As(err, &w):
		return w.finding(s.check)
	}
	return s.trouble(err).finding(s.check, err)
}

// warning is something to look at that keeps no node from joining.
type warning struct {
	trouble
	evidence string
}

func (w *warning) Error() string { return w.evidence }

func (w *warning) finding(check string) Finding {
	return Finding{check, WARN, w.reason, w.evidence, w.remedy}
}

func (r *probing) tell(check string) {
	if r.Step != nil {
		r.Step(check)
	}
}

func (r *probing) now() time.Time { return r.Trust.Client.Now() }

// took says how long something took.
func (r *probing) took(begin time.Time) string {
	return fmt.Sprintf(", %s", r.now().Sub(begin).Round(time.Millisecond))
}

// groups are those that the token needs; the one that each token has is not named.
func (p Probe) groups() []string {
	switch p.Group {
	case "":
		return []string{token.DefaultGroup}
	case api.BootstrapDefaultGroup:
		return nil
	}
	return []string{p.Group}
}

// setupCommand is bootctl setup for the group.
func (p Probe) setupCommand(flags ...string) string {
	return strings.Join(append([]string{"bootctl setup"}, flags...), " ") + groupFlag(p.Group)
}

package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bootctl/bootctl/internal/safe"
	"github.com/bootctl/bootctl/pkg/csr"
)

// maxReviews is how many access reviews say who would be approved automatically.
const maxReviews = 50

// patience is how long a controller may take: it acts within a second.
const patience = 10 * time.Second

// group is what requests have in common.
type group struct {
	holdup                            csr.Holdup
	reason, requesters, signer, cause string
}

// waiting is how many requests of a group there are, and when the newest of them
// began to wait.
type waiting struct {
	n     int
	since time.Time
}

// tally counts the requests of a cluster, of which it keeps none.
type tally struct {
	total  int
	groups map[group]waiting
	// issued is the newest certificate of a node, in PEM, and issuedTo the name of
	// its request.
	issued   []byte
	issuedTo string
	issuedAt time.Time
	// acted is when a controller last acted on a request, by what that held up.
	acted map[csr.Holdup]time.Time
	// err is what kept an access review from its end.
	err error
}

// count reads all requests.
func (e *exam) count(ctx context.Context) (*tally, error) {
	t := &tally{groups: map[group]waiting{}, acted: map[csr.Holdup]time.Time{}}
	auto := &csr.AutoApprovals{Client: e.Client.Authorization, Reviews: maxReviews}
	err := csr.List(ctx, e.Client.Certificates, csr.Filter{}, func(r csr.Request) error {
		t.add(ctx, r, auto, e.now())
		return nil
	})
	t.settle()
	t.err = auto.Err
	return t, err
}

func (t *tally) add(ctx context.Context, r csr.Request, auto *csr.AutoApprovals, now time.Time) {
	t.total++
	if r.Is(csr.Issued) && r.SignerName == csr.KubeletClient && r.Decided.After(t.issuedAt) {
		t.issued, t.issuedTo, t.issuedAt = r.Certificate, r.Name, r.Decided
	}
	for by, at := range r.Acts() {
		if at.After(t.acted[by]) {
			t.acted[by] = at
		}
	}
	since := r.Decided
	if r.IsPending() {
		since = r.Created
	}
	if r.Is(csr.Failed) {
		t.join(group{csr.HoldupNone, SignerFailed, r.RequesterKind(), r.SignerName, r.Reason}, waiting{1, since})
		return
	}
	if now.Sub(since) <= patience {
		return
	}
	approval := csr.AutoApprovalUnknown
	if r.IsPending() {
		approval = auto.Of(ctx, r)
	}
	holdup := csr.HoldupOf(r, approval)
	if reason := reasonOf(holdup); reason != "" {
		t.join(group{holdup, reason, r.RequesterKind(), r.SignerName, csr.Explain(r, approval)}, waiting{1, since})
	}
}

// join adds requests to a group.
func (t *tally) join(g group, more waiting) {
	w := t.groups[g]
	w.n += more.n
	if more.since.After(w.since) {
		w.since = more.since
	}
	t.groups[g] = w
}

func reasonOf(holdup csr.Holdup) string {
	switch holdup {
	case csr.HoldupApprover:
		return CSRApproverNotRunning
	case csr.HoldupSigner:
		return CSRSignerNotRunning
	case csr.HoldupPerson, csr.HoldupForeign, csr.HoldupForever:
		return CSRPending
	default:
		return ""
	}
}

// settle takes back that a controller is silent that has acted on others since all of
// these began to wait.
func (t *tally) settle() {
	controllers := map[string]string{CSRApproverNotRunning: "csrapproving", CSRSignerNotRunning: "csrsigning"}
	for g, w := range t.groups {
		if controller := controllers[g.reason]; controller != "" && !t.acted[g.holdup].Before(w.since) {
			delete(t.groups, g)
			g.reason, g.cause = CSRPending, "the controller "+controller+" is at work, and has yet to come to it"
			t.join(g, w)
		}
	}
}

// requests says which requests wait for whom, a finding for each reason.
func (e *exam) requests(context.Context) ([]Finding, error) {
	t, err := e.tally()
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, kind := range []struct {
		reason string
		status Status
		remedy string
	}{
		// Every bootstrap token is in system:bootstrappers, those that wait for a person, too.
		{CSRApproverNotRunning, FAIL, runApprover + "; meanwhile: bootctl csr approve --requester-group " + safe.Word(e.group())},
		{CSRSignerNotRunning, FAIL, runCertificateSigner},
		{CSRPending, WARN, "bootctl csr list --pending; and then bootctl csr approve, or deny; or see that the signer named runs"},
		{SignerFailed, WARN, "bootctl csr delete --failed"},
	} {
		if texts := t.of(kind.reason); len(texts) > 0 {
			findings = append(findings, one(kind.status, kind.reason, listed(texts, "; "), kind.remedy)...)
		}
	}
	if t.err != nil {
		return findings, t.err
	}
	if len(findings) == 0 {
		return ok("none of %s waits", counted(t.total, "request")), nil
	}
	return findings, nil
}

// of tells of the groups of requests for the reason, the largest first.
func (t *tally) of(reason string) []string {
	groups := slices.DeleteFunc(slices.Collect(maps.Keys(t.groups)), func(g group) bool { return g.reason != reason })
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(t.groups[b].n-t.groups[a].n, cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	var texts []string
	for _, g := range groups {
		texts = append(texts, fmt.Sprintf("%s of %s for %s: %s", counted(t.groups[g].n, "request"), g.requesters, g.signer, g.cause))
	}
	return texts
}

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

// tally counts the requests of a cluster, of which it keeps none.
type tally struct {
	total  int
	groups map[group]int
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
	t := &tally{groups: map[group]int{}, acted: map[csr.Holdup]time.Time{}}
	auto := &csr.AutoApprovals{Client: e.Client.Authorization, Reviews: maxReviews}
	err := csr.List(ctx, e.Client.Certificates, csr.Filter{}, func(r csr.Request) error {
		t.add(ctx, r, auto, e.now())
		return nil
	})
	t.settle(e.now())
	t.err = auto.Err
	return t, err
}

func (t *tally) add(ctx context.Context, r csr.Request, auto *csr.AutoApprovals, now time.Time) {
	t.total++
	if r.Is(csr.Issued) && r.SignerName == csr.KubeletClient && r.Decided.After(t.issuedAt) {
		t.issued, t.issuedTo, t.issuedAt = r.Certificate, r.Name, r.Decided
	}
	if by, at := r.LastAct(); at.After(t.acted[by]) {
		t.acted[by] = at
	}
	since := r.Decided
	if r.IsPending() {
		since = r.Created
	}
	if r.Is(csr.Failed) {
		t.groups[group{csr.HoldupNone, RequestsFailed, r.RequesterKind(), r.SignerName, r.Reason}]++
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
		t.groups[group{holdup, reason, r.RequesterKind(), r.SignerName, csr.Explain(r, approval)}]++
	}
}

func reasonOf(holdup csr.Holdup) string {
	switch holdup {
	case csr.HoldupApprover:
		return ApproverSilent
	case csr.HoldupSigner:
		return CertificateSignerSilent
	case csr.HoldupPerson, csr.HoldupForeign, csr.HoldupForever:
		return RequestsWait
	default:
		return ""
	}
}

// settle takes back that a controller is silent that has just acted.
func (t *tally) settle(now time.Time) {
	controllers := map[string]string{ApproverSilent: "csrapproving", CertificateSignerSilent: "csrsigning"}
	for g, n := range t.groups {
		if controller := controllers[g.reason]; controller != "" && now.Sub(t.acted[g.holdup]) <= patience {
			delete(t.groups, g)
			g.reason, g.cause = RequestsWait, "the controller "+controller+" is at work, and has not come to it"
			t.groups[g] += n
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
		{ApproverSilent, FAIL, runApprover + "; meanwhile: bootctl csr approve --requester-group " + safe.Word(e.group())},
		{CertificateSignerSilent, FAIL, runCertificateSigner},
		{RequestsWait, WARN, "bootctl csr list --pending; and then bootctl csr approve, or deny; or see that the signer named runs"},
		{RequestsFailed, WARN, "bootctl csr delete --failed"},
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
		return cmp.Or(t.groups[b]-t.groups[a], cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	var texts []string
	for _, g := range groups {
		texts = append(texts, fmt.Sprintf("%s of %s for %s: %s", counted(t.groups[g], "request"), g.requesters, g.signer, g.cause))
	}
	return texts
}

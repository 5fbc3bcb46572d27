package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
)

// maxReviews is how many access reviews may check whose CSRs are approved automatically.
const maxReviews = 50

// requestKind is what CSRs that wait for the same thing have in common.
type requestKind struct {
	blocker                           csr.Blocker
	reason, requesters, signer, cause string
}

// requestStats are statistics on the CSRs of a cluster. It keeps at most one CSR.
type requestStats struct {
	total int
	// waits has when each CSR of a kind began to wait.
	waits map[requestKind][]time.Time
	// issued is the CSR with the newest node certificate, if there is one.
	issued csr.Request
	// acted is the last time that a controller acted on a CSR, by what the CSR waited for.
	acted map[csr.Blocker]time.Time
	// err ended an access review.
	err error
}

// countRequests reads all CSRs.
func (c *clusterChecker) countRequests(ctx context.Context) (*requestStats, error) {
	s := &requestStats{waits: map[requestKind][]time.Time{}, acted: map[csr.Blocker]time.Time{}}
	auto := &approval.AutoApprovals{Client: c.Client.Authorization, Reviews: maxReviews}
	err := csr.List(ctx, c.Client.Certificates, csr.Filter{}, func(r csr.Request) error {
		s.add(ctx, r, auto, c.now())
		return nil
	})
	s.clearStalls()
	s.err = auto.Err
	return s, err
}

func (s *requestStats) add(ctx context.Context, r csr.Request, auto *approval.AutoApprovals, now time.Time) {
	s.total++
	if r.Is(csr.Issued) && r.SignerName == csr.KubeletClient && r.Decided.After(s.issued.Decided) {
		s.issued = r
	}
	for by, at := range controllerActivity(r) {
		if at.After(s.acted[by]) {
			s.acted[by] = at
		}
	}
	since := r.Decided
	if r.IsPending() {
		since = r.Created
	}
	if r.Is(csr.Failed) {
		failed := requestKind{csr.WaitingForNone, SignerFailed, requesterKind(r), r.SignerName, r.Reason}
		s.waits[failed] = append(s.waits[failed], since)
		return
	}
	if now.Sub(since) <= clusterinfo.StallThreshold {
		return
	}
	approval := csr.AutoApprovalUnknown
	if r.IsPending() {
		approval = auto.Of(ctx, r)
	}
	blocker, cause := csr.BlockerOf(r, approval)
	if reason := reasonOf[blocker]; reason != "" {
		kind := requestKind{blocker, reason, requesterKind(r), r.SignerName, cause}
		s.waits[kind] = append(s.waits[kind], since)
	}
}

// requesterKind returns what kind of user created the CSR.
func requesterKind(r csr.Request) string {
	switch {
	case strings.HasPrefix(r.Username, api.BootstrapUserPrefix) && slices.Contains(r.Groups, api.BootstrapDefaultGroup):
		return "bootstrap tokens"
	case strings.HasPrefix(r.Username, csr.NodeUserPrefix):
		return "nodes"
	case strings.HasPrefix(r.Username, "system:serviceaccount:"):
		return "service accounts"
	}
	return "other users"
}

// controllerActivity returns when the controllers csrapproving and csrsigning acted on
// the CSR, if the CSR shows it, by what the CSR waited for until then.
// Source: kube-controller-manager, csrapproving.
func controllerActivity(r csr.Request) map[csr.Blocker]time.Time {
	acted := map[csr.Blocker]time.Time{}
	if r.Is(csr.Approved) && r.Reason == "AutoApproved" {
		acted[csr.WaitingForApprover] = r.Decided
	}
	if outcome, _ := csr.Predict(r); !r.Is(csr.Issued) || outcome == csr.OutcomeUnknown { // another signer issued it
		return acted
	}
	for _, entry := range r.Stored().ManagedFields {
		if entry.Subresource == "status" && entry.Time != nil && entry.Time.After(acted[csr.WaitingForSigner]) {
			acted[csr.WaitingForSigner] = entry.Time.Time
		}
	}
	return acted
}

// reasonOf has the reason codes of waiting CSRs, by what they wait for.
var reasonOf = map[csr.Blocker]string{
	csr.WaitingForApprover:       CSRApproverNotRunning,
	csr.WaitingForSigner:         CSRSignerNotRunning,
	csr.WaitingForApproval:       CSRPending,
	csr.WaitingForExternalSigner: CSRPending,
	csr.NeverSigned:              CSRPending,
}

// clearStalls no longer counts a controller as stalled if it has acted on other CSRs since
// all of these began to wait.
func (s *requestStats) clearStalls() {
	controllers := map[string]string{CSRApproverNotRunning: "csrapproving", CSRSignerNotRunning: "csrsigning"}
	for kind, waits := range s.waits {
		if controller := controllers[kind.reason]; controller != "" && !s.acted[kind.blocker].Before(slices.MaxFunc(waits, time.Time.Compare)) {
			delete(s.waits, kind)
			kind.reason, kind.cause = CSRPending, controller+" is running and has not processed this CSR yet"
			s.waits[kind] = append(s.waits[kind], waits...)
		}
	}
}

// requests reports which CSRs wait for what, with one finding for each reason.
func (c *clusterChecker) requests(ctx context.Context, s *requestStats) []Finding {
	var findings []Finding
	for _, f := range []Finding{
		// The group is not system:bootstrappers, which includes tokens whose CSRs wait for a person.
		{Status: FAIL, Reason: CSRApproverNotRunning, Fix: runApprover + "; meanwhile: bootctl csr approve --requester-group " + escape.ShellQuote(c.Setup.TokenGroup())},
		{Status: FAIL, Reason: CSRSignerNotRunning, Fix: runCertificateSigner},
		{Status: WARN, Reason: CSRPending, Fix: "approve or deny each CSR, or start the signer that the message names; to list them, run: bootctl csr list --pending"},
		{Status: WARN, Reason: SignerFailed, Fix: "bootctl csr delete --failed"},
	} {
		if texts := s.describe(f.Reason); len(texts) > 0 {
			f.Message = escape.FirstN(texts, most, "; ")
			findings = append(findings, f)
		}
	}
	switch {
	case s.err != nil:
		return append(findings, checkError(ctx, s.err))
	case len(findings) == 0:
		return ok("%s, none waiting for more than %s", escape.Count(s.total, "CSR"), clusterinfo.StallThreshold)
	}
	return findings
}

// describe describes the CSRs with the reason, the most frequent kind first.
func (s *requestStats) describe(reason string) []string {
	kinds := slices.DeleteFunc(slices.Collect(maps.Keys(s.waits)), func(kind requestKind) bool { return kind.reason != reason })
	slices.SortFunc(kinds, func(a, b requestKind) int {
		return cmp.Or(len(s.waits[b])-len(s.waits[a]), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	var texts []string
	for _, kind := range kinds {
		texts = append(texts, fmt.Sprintf("%s from %s for %s: %s", escape.Count(len(s.waits[kind]), "CSR"), kind.requesters, kind.signer, kind.cause))
	}
	return texts
}

package csrcmd

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func (o approveOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	names, err := requestNames(args)
	if err != nil {
		return err
	}
	if err := o.validate(names); err != nil {
		return err
	}
	filter, err := o.selected(e.Now())
	if err != nil {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	want := approval.Criteria{Signer: cmp.Or(o.filter.signer, csr.KubeletClient), Fingerprint: filter.Fingerprint, Force: o.force}
	if err := approval.CheckAccess(ctx, client.Authorization, want.Signer); err != nil {
		return err
	}
	candidates, err := o.candidates(ctx, e, client, names, filter)
	if err != nil {
		return err
	}
	outcomes := make([]cli.Outcome, len(candidates))
	e.Concurrently(ctx, "judged", len(candidates), func(ctx context.Context, i int) {
		outcomes[i] = o.evaluate(ctx, e, client, &candidates[i], want)
	})
	chosen := o.choose(e, outcomes)
	if !o.dryRun && len(chosen) > 0 {
		exact := len(names) > 0 || filter.Node != "" || filter.Fingerprint != "" || filter.UID != ""
		if !exact && !o.yes {
			e.Progress("to be approved: " + describe(candidates, chosen))
			if err := e.Confirm(fmt.Sprintf("Approve %d of %d requests? That cannot be taken back.", len(chosen), len(candidates))); err != nil {
				return err
			}
		}
		e.Concurrently(ctx, "approved", len(chosen), func(ctx context.Context, i int) {
			c := chosen[i]
			outcomes[c].Err = approval.Approve(ctx, client.Certificates, candidates[c].Request)
			outcomes[c].Result.Result = "approved"
		})
	}
	return e.PrintOutcomes(outcomes, cmdutil.CSRResource.Reference)
}

// selected returns the filter for the CSRs that the flags select.
func (o approveOptions) selected(now time.Time) (csr.Filter, error) {
	filter, err := o.filter.filter(now)
	filter.UID = o.uid
	if err == nil && o.fingerprint != "" {
		filter.Fingerprint, err = csr.ParseFingerprint(o.fingerprint)
	}
	return filter, err
}

// candidates returns the named CSRs, still to be read, or those that the filter
// selects. With --wait it waits for the CSR of a node.
func (o approveOptions) candidates(ctx context.Context, e *cli.Env, client *kubeclient.Client, names []string, filter csr.Filter) (found []approval.Candidate, err error) {
	for _, request := range named(names) {
		found = append(found, approval.Candidate{Request: request})
	}
	if len(names) > 0 {
		return found, nil
	}
	if !o.wait {
		return approval.Candidates(ctx, client.Certificates, filter)
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	err = untilFound(ctx, e, func(ctx context.Context) error {
		found, err = approval.Candidates(ctx, client.Certificates, filter)
		return err
	})
	return found, err
}

// evaluate reads the candidate where that has not been done, and evaluates it.
func (o approveOptions) evaluate(ctx context.Context, e *cli.Env, client *kubeclient.Client, c *approval.Candidate, want approval.Criteria) cli.Outcome {
	outcome := cli.Outcome{Result: output.Result{Name: c.Request.Name}, Err: c.Err}
	if outcome.Err == nil {
		c.Request, outcome.Err = read(ctx, client, c.Request, o.uid)
	}
	if outcome.Err != nil {
		return outcome
	}
	var evaluation approval.Evaluation
	evaluation, outcome.Err = approval.Evaluate(ctx, client, c.Request, want)
	outcome.UID, outcome.Verdicts = c.Request.UID, verdicts(evaluation.Rules)
	if c.Request.Is(csr.Approved) {
		outcome.Result.Result = "approved already"
	}
	var overridden []string
	for _, v := range evaluation.Overridden {
		overridden = append(overridden, v.Rule+" ("+v.Detail+")")
	}
	if len(overridden) > 0 {
		e.Warn("--force passes over these rules: " + strings.Join(overridden, "; "))
	}
	return outcome
}

// choose returns the indexes of the CSRs to approve, and enters in the outcomes which
// would be approved and which are left since --max is reached.
func (o approveOptions) choose(e *cli.Env, outcomes []cli.Outcome) []int {
	var chosen []int
	left := 0
	for i := range outcomes {
		result := &outcomes[i].Result
		switch {
		case outcomes[i].Err != nil, result.Result != "":
		case o.limit > 0 && len(chosen) == o.limit:
			result.Result = "left"
			left++
		default:
			result.Result = "would be approved"
			chosen = append(chosen, i)
		}
	}
	if left > 0 {
		e.Warn(fmt.Sprintf("%d more keep the rules and were left, since --max is %d", left, o.limit))
	}
	return chosen
}

// describe names the CSRs that a question is about: the first of many.
func describe(candidates []approval.Candidate, chosen []int) string {
	const most = 20
	var parts []string
	for _, i := range chosen[:min(most, len(chosen))] {
		r := candidates[i].Request
		parts = append(parts, fmt.Sprintf("%s for %s (%s)", r.Name, r.Subject(), csr.Fingerprint(r.PKCS10.PublicKey)))
	}
	if more := len(chosen) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

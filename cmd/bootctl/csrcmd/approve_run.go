package csrcmd

import (
	"cmp"
	"context"
	"fmt"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func (o approveOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	requests, client, err := begin(e, args, o.UID, o.validate)
	if err != nil {
		return err
	}
	filter, err := o.filter(e.Now())
	if err != nil {
		return err
	}
	want := approval.Criteria{Signer: cmp.Or(o.SignerName, csr.KubeletClient), Fingerprint: filter.Fingerprint, AllowedAddresses: o.allowed, Force: o.force}
	if err := approval.CheckAccess(ctx, client.Authorization, want.Signer); err != nil {
		return err
	}
	exact := len(requests) > 0 || filter.Node != "" || filter.Fingerprint != "" || filter.UID != ""
	if len(requests) == 0 {
		if requests, want.Conflicts, err = o.candidates(ctx, e, client, filter); err != nil {
			return err
		}
	}
	if want.Signer == csr.KubeletServing && len(requests) > 0 { // once for all CSRs
		addresses, err := approval.ReadAddresses(ctx, client)
		if err != nil {
			return err
		}
		want.Addresses = &addresses
	}
	outcomes := make([]cli.Outcome, len(requests))
	e.Concurrently(ctx, "evaluated", len(requests), func(ctx context.Context, i int) {
		evaluation, err := approval.Evaluate(ctx, client, requests[i], want)
		outcomes[i] = evaluated(e, requests[i].Name, evaluation, err)
		requests[i] = evaluation.Request
	})
	chosen := o.choose(e, outcomes)
	if o.dryRun || len(chosen) == 0 {
		return e.PrintOutcomes(outcomes, cmdutil.CSRResource.Reference)
	}
	if !exact && !o.yes {
		e.Progress("CSRs to approve: " + describe(requests, chosen))
		if err := e.Confirm(fmt.Sprintf("Approve %d of %d CSRs? Approval cannot be revoked.", len(chosen), len(requests))); err != nil {
			return err
		}
	}
	e.Concurrently(ctx, "approved", len(chosen), func(ctx context.Context, i int) {
		outcome := &outcomes[chosen[i]]
		outcome.Err = approval.Approve(ctx, client.Certificates, requests[chosen[i]])
		outcome.Result.Result = "approved"
	})
	return e.PrintOutcomes(outcomes, cmdutil.CSRResource.Reference)
}

// candidates returns the CSRs that the filter selects, and the conflicts between them.
// With --wait it waits for the CSR of a node.
func (o approveOptions) candidates(ctx context.Context, e *cli.Env, client *kubeclient.Client, filter csr.Filter) ([]csr.Request, approval.Conflicts, error) {
	if !o.wait {
		return approval.Candidates(ctx, client.Certificates, filter)
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	find := func(ctx context.Context) (csr.Request, error) { return approval.Find(ctx, client.Certificates, filter) }
	found, err := untilFound(ctx, e, find)
	return []csr.Request{found}, approval.Conflicts{}, err
}

// evaluated returns the outcome so far for a CSR that was evaluated.
func evaluated(e *cli.Env, name string, evaluation approval.Evaluation, err error) cli.Outcome {
	result := output.Result{Name: name, UID: evaluation.Request.UID, Rules: ruleResults(evaluation.Rules)}
	if evaluation.Request.Is(csr.Approved) {
		result.Result = "already approved"
	}
	if overridden := approval.Violations(evaluation.Rules); err == nil && len(overridden) > 0 {
		e.Warn("--force overrides these rules: " + approval.Describe(overridden))
	}
	return cli.Outcome{Result: result, Err: err}
}

// choose returns the indexes of the CSRs to approve. It sets the result of each CSR that
// would be approved or that exceeds --max.
func (o approveOptions) choose(e *cli.Env, outcomes []cli.Outcome) []int {
	var chosen []int
	left := 0
	for i := range outcomes {
		result := &outcomes[i].Result
		switch {
		case outcomes[i].Err != nil, result.Result != "":
		case len(chosen) == o.limit:
			result.Result = "left"
			left++
		default:
			result.Result = "would be approved"
			chosen = append(chosen, i)
		}
	}
	if left > 0 {
		e.Warn(fmt.Sprintf("%d more CSRs pass the policy and were not approved, because --max is %d", left, o.limit))
	}
	return chosen
}

// describe returns the first of the CSRs to approve, for the confirmation prompt.
func describe(requests []csr.Request, chosen []int) string {
	var parts []string
	for _, i := range chosen {
		r := requests[i]
		parts = append(parts, fmt.Sprintf("%s for %s (%s)", r.Name, r.Subject(), csr.Fingerprint(r.PKCS10.PublicKey)))
	}
	return escape.FirstN(parts, 20, ", ")
}

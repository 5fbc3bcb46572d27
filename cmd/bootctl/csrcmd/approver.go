package csrcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// approver judges and approves.
type approver struct {
	env     *cli.Env
	client  *kubeclient.Client
	options approveOptions
	filter  csr.Filter
	signer  string
	exact   bool // whether the requests are named, by whatever names them
}

// candidate is a request on its way to being approved.
type candidate struct {
	name    string
	request *csr.Request // nil until it has been read
	outcome cli.Outcome
}

// candidates returns the requests that are meant.
func (a approver) candidates(ctx context.Context, names []string) ([]*candidate, error) {
	if len(names) > 0 {
		var named []*candidate
		for _, name := range names {
			named = append(named, &candidate{name: name})
		}
		return named, nil
	}
	if a.filter.Node != "" {
		request, err := a.ofNode(ctx)
		return []*candidate{{name: request.Name, request: &request}}, err
	}
	if a.filter.Fingerprint != "" || a.filter.UID != "" {
		request, err := onlyRequest(ctx, a.client, a.filter)
		return []*candidate{{name: request.Name, request: &request}}, err
	}
	filter := a.filter
	filter.SignerName = a.signer
	requests, rivals, err := pendingRequests(ctx, a.client, filter)
	var found []*candidate
	for i, request := range requests {
		c := &candidate{name: request.Name, request: &requests[i]}
		if others := rivals.Of(request); len(others) > 0 {
			c.outcome.Err = &approval.ConflictError{Name: request.Name, NodeName: request.NodeName(), Others: others}
		}
		found = append(found, c)
	}
	return found, err
}

// onlyRequest returns the one request that the filter fits: a pending one, or else
// one that was approved already.
func onlyRequest(ctx context.Context, client *kubeclient.Client, filter csr.Filter) (csr.Request, error) {
	var pending, approved []csr.Request
	filter.Condition = ""
	err := csr.List(ctx, client.Certificates, filter, func(r csr.Request) error {
		if r.IsPending() {
			pending = append(pending, r)
		} else if r.Is(csr.Approved) {
			approved = append(approved, r)
		}
		return nil
	})
	switch {
	case err != nil:
		return csr.Request{}, err
	case len(pending) > 1:
		return csr.Request{}, fmt.Errorf("%w: %q and %q are two of them; name the one that is meant", failure.ErrAmbiguousCSR, pending[0].Name, pending[1].Name)
	case len(pending) == 1:
		return pending[0], nil
	case len(approved) > 0:
		return approved[len(approved)-1], nil
	}
	return csr.Request{}, fmt.Errorf("%w that is pending", csr.ErrNotFound)
}

// ofNode returns the one pending request of the node, which it waits for when
// asked to.
func (a approver) ofNode(ctx context.Context) (csr.Request, error) {
	filter := a.filter
	filter.SignerName = a.signer
	if !a.options.wait {
		return requestOfNode(ctx, a.client, filter)
	}
	ctx, cancel := context.WithTimeout(ctx, a.options.timeout)
	defer cancel()
	var request csr.Request
	transient := func(err error) bool { return mayAppear(err) || errors.Is(err, failure.ErrFingerprintMismatch) }
	err := kubeclient.Until(ctx, kubeclient.Wait{Transient: transient, Observer: a.env.Observe}, func(ctx context.Context) error {
		var err error
		request, err = requestOfNode(ctx, a.client, filter)
		return err
	})
	return request, err
}

// approve judges each candidate, asks, and approves those that keep the rules.
func (a approver) approve(ctx context.Context, candidates []*candidate) error {
	a.env.Concurrently(ctx, "judged", len(candidates), func(ctx context.Context, i int) { a.judge(ctx, candidates[i]) })
	var fit []*candidate
	for _, c := range candidates {
		switch {
		case c.outcome.Err != nil, c.request.Is(csr.Approved):
		case a.options.limit > 0 && len(fit) == a.options.limit:
			c.outcome.Result.Result = "left"
		default:
			c.outcome.Result.Result = "would be approved"
			fit = append(fit, c)
		}
	}
	if left := countLeft(candidates); left > 0 {
		a.env.Warn(fmt.Sprintf("%d more keep the rules and were left, since --max is %d", left, a.options.limit))
	}
	if !a.options.dryRun && len(fit) > 0 {
		if !a.exact && !a.options.yes {
			a.env.Progress("to be approved: " + listed(fit))
			if err := a.env.Confirm(fmt.Sprintf("Approve %d of %d requests? That cannot be taken back.", len(fit), len(candidates))); err != nil {
				return err
			}
		}
		a.env.Concurrently(ctx, "approved", len(fit), func(ctx context.Context, i int) {
			fit[i].outcome.Err = approval.Approve(ctx, a.client.Certificates, *fit[i].request)
			fit[i].outcome.Result.Result = "approved"
		})
	}
	outcomes := make([]cli.Outcome, len(candidates))
	for i, c := range candidates {
		outcomes[i] = c.outcome
		outcomes[i].Name = c.name
	}
	return a.env.PrintOutcomes(outcomes, cmdutil.CSRResource.Reference)
}

// listed names what a question is about: the first of many.
func listed(candidates []*candidate) string {
	const most = 20
	var parts []string
	for _, c := range candidates[:min(most, len(candidates))] {
		parts = append(parts, fmt.Sprintf("%s for %s (%s)", c.name, c.request.Subject(), csr.Fingerprint(c.request.PKCS10.PublicKey)))
	}
	if more := len(candidates) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

func countLeft(candidates []*candidate) int {
	left := 0
	for _, c := range candidates {
		if c.outcome.Result.Result == "left" {
			left++
		}
	}
	return left
}

// judge reads the request where that has not been done, and judges it.
func (a approver) judge(ctx context.Context, c *candidate) {
	if c.outcome.Err == nil {
		c.outcome.Result, c.outcome.Err = a.verdict(ctx, c)
	}
}

func (a approver) verdict(ctx context.Context, c *candidate) (output.Result, error) {
	if c.request == nil {
		request, err := getRequest(ctx, a.client, c.name, a.options.uid)
		if err != nil {
			return output.Result{}, err
		}
		c.request = &request
	}
	request := *c.request
	result := output.Result{UID: request.UID}
	if a.filter.Fingerprint != "" && !(csr.Filter{Fingerprint: a.filter.Fingerprint}).Match(request) {
		return result, &csr.RequestError{Name: request.Name, Err: failure.ErrFingerprintMismatch}
	}
	if !request.IsPending() { // whoever decided
		result.Result = "approved already"
		return result, request.Refused()
	}
	facts, err := gatherFacts(ctx, a.client, request, a.signer)
	if err != nil {
		return result, err
	}
	verdicts := approval.Check(request, facts)
	result.Verdicts = verdictsOf(verdicts)
	refusals := approval.Violations(verdicts)
	if a.options.force {
		refusals = a.applyForce(refusals)
	}
	if len(refusals) > 0 {
		return result, &approval.PolicyViolationError{Name: request.Name, Violations: refusals}
	}
	return result, nil
}

// applyForce says which rules --force passes over, and returns those that it does
// not.
func (a approver) applyForce(refusals []approval.RuleResult) []approval.RuleResult {
	var absolute []approval.RuleResult
	var passed []string
	for _, v := range refusals {
		if v.Absolute {
			absolute = append(absolute, v)
		} else {
			passed = append(passed, v.Rule+" ("+v.Detail+")")
		}
	}
	if len(absolute) == 0 && len(passed) > 0 {
		a.env.Warn("--force passes over these rules: " + strings.Join(passed, "; "))
	}
	return absolute
}

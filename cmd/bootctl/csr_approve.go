package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
)

type csrApproveOptions struct {
	filter      csrFilterOptions
	uid         string
	fingerprint string
	limit       int
	wait        bool
	timeout     time.Duration
	dryRun      bool
	yes         bool
	force       bool
}

func (o *csrApproveOptions) addFlags(fs *pflag.FlagSet) {
	o.filter.addFlags(fs)
	fs.StringVar(&o.uid, "uid", "", "approve only the request of this `UID`, whatever bears the name now")
	fs.StringVar(&o.fingerprint, "fingerprint", "", "approve only the request for the key of this `fingerprint`, or its first 20 digits or more")
	fs.IntVar(&o.limit, "max", 0, "approve at most this `many`, the oldest first")
	fs.BoolVar(&o.wait, "wait", false, "wait for a request of --node to appear")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "with --wait, give up after this long")
	fs.BoolVar(&o.dryRun, "dry-run", false, "judge, and approve nothing")
	fs.BoolVar(&o.yes, "yes", false, "do not ask before approving what filters select")
	fs.BoolVar(&o.force, "force", false, "approve the one named request against the rules, unless it asks for privileges")
}

func newCSRApprove(e *env) *cobra.Command {
	var o csrApproveOptions
	cmd := &cobra.Command{
		Use:   "approve [NAME...]",
		Short: "Approve certificate signing requests that keep the rules",
		Long: `Approves requests: those named, or the pending ones that all the given filters
fit. Each is judged first, by the rules that csr review shows. Without --signer
they are what a kubelet may ask for: the subject of one node with a valid name,
no other names, its usages, a strong key, a bootstrap token or the node itself as
requester, and no Node of that name yet unless the node renews. With --signer
requests for another signer are judged by its rules. Requests that break a rule
are refused with exit code 5, and never denied. Privileged identities are never
approved, --force or not.

What is approved is the very object that was judged: its UID goes with the
approval. --fingerprint approves only that key, which someone at the node reads
out. Of two pending requests for one node neither is approved by a filter. One
request that cannot be approved does not stop the others. What filters select is
asked about on a terminal, and takes --yes without one, unless it is selected by
--node or --fingerprint.

Needs update on certificatesigningrequests/approval and approve on the signer,
which are checked first; get and list on certificatesigningrequests, get on
nodes, and for clients of the API server create on subjectaccessreviews.`,
		Example: `  bootctl csr approve node-csr-4eJ2 --uid 0e5c3f6a-6d0f-4f7e-9a53-0c7a3d1b2f10
  bootctl csr approve --node worker-1 --wait --fingerprint "9f86 d081 884c 7d65 9a2f"
  bootctl csr approve --requester-group system:bootstrappers:kubeadm:default-node-token --yes
  bootctl csr approve --signer kubernetes.io/kubelet-serving --pending --yes`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return runCSRApprove(cmd.Context(), e, o, names)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// check returns an error when the flags do not fit together.
func (o csrApproveOptions) check(names []string) error {
	filtered := o.filter != (csrFilterOptions{signer: o.filter.signer})
	problem := ""
	switch {
	case len(names) == 0 && !filtered && o.fingerprint == "" && o.filter.signer == "":
		problem = "name requests, or say which are meant, such as --pending"
	case len(names) > 0 && filtered:
		problem = "requests were named, and filters given too"
	case len(names) != 1 && o.uid != "":
		problem = fmt.Sprintf("--uid is of one request, and %d were named", len(names))
	case len(names) > 1 && o.fingerprint != "":
		problem = fmt.Sprintf("--fingerprint is of one request, and %d were named", len(names))
	case len(names) != 1 && o.force:
		problem = fmt.Sprintf("--force is for one request, and %d were named", len(names))
	case o.wait && o.filter.node == "":
		problem = "--wait waits for a request of --node"
	case o.limit < 0:
		problem = "--max is negative"
	case o.timeout <= 0:
		problem = fmt.Sprintf("--timeout %s leaves no time", o.timeout)
	}
	if problem != "" {
		return fmt.Errorf("%w: %s", errInput, problem)
	}
	return checkRequestNames(names)
}

func runCSRApprove(ctx context.Context, e *env, o csrApproveOptions, names []string) error {
	if err := o.check(names); err != nil {
		return err
	}
	filter, err := o.filter.filter(e.now())
	if err != nil {
		return err
	}
	filter.Condition = csr.Pending
	if o.fingerprint != "" {
		if filter.Fingerprint, err = csr.ParseFingerprint(o.fingerprint); err != nil {
			return err
		}
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	signer := o.filter.signer
	if signer == "" {
		signer = csr.KubeletClient
	}
	if err := csr.CheckAccess(ctx, client.Authorization, signer); err != nil {
		return err
	}
	a := approver{
		env: e, client: client, options: o, filter: filter, signer: signer,
		exact: len(names) > 0 || filter.Node != "" || filter.Fingerprint != "",
	}
	candidates, err := a.candidates(ctx, names)
	if err != nil {
		return err
	}
	return a.approve(ctx, candidates)
}

// approver judges and approves.
type approver struct {
	env     *env
	client  *apiclient.Client
	options csrApproveOptions
	filter  csr.Filter
	signer  string
	exact   bool // whether the requests are named, by whatever names them
}

// candidate is a request on its way to being approved.
type candidate struct {
	name    string
	request *csr.Request // nil until it has been read
	outcome outcome
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
	filter := a.filter
	if filter.Fingerprint == "" {
		filter.SignerName = a.signer
	}
	requests, rivals, err := pendingRequests(ctx, a.client, filter)
	if err == nil && len(requests) == 0 && filter.Fingerprint != "" {
		err = fmt.Errorf("key %s: %w that is pending", a.filter.Fingerprint, csr.ErrNotFound)
	}
	var found []*candidate
	for i, request := range requests {
		c := &candidate{name: request.Name, request: &requests[i]}
		if others := rivals.Of(request); len(others) > 0 && filter.Fingerprint == "" {
			c.outcome.err = &csr.RivalsError{Name: request.Name, NodeName: request.NodeName(), Others: others}
		}
		found = append(found, c)
	}
	return found, err
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
	err := apiclient.Until(ctx, apiclient.Wait{Transient: appears, Cause: a.env.cause}, func(ctx context.Context) error {
		var err error
		request, err = requestOfNode(ctx, a.client, filter)
		return err
	})
	return request, err
}

// approve judges each candidate, asks, and approves those that keep the rules.
func (a approver) approve(ctx context.Context, candidates []*candidate) error {
	a.env.concurrently("judged", len(candidates), func(i int) { a.judge(ctx, candidates[i]) })
	var fit []*candidate
	for _, c := range candidates {
		switch {
		case c.outcome.err != nil, c.request.Is(csr.Approved):
		case a.options.limit > 0 && len(fit) == a.options.limit:
			c.outcome.Result.Result = "left"
		default:
			c.outcome.Result.Result = "would be approved"
			fit = append(fit, c)
		}
	}
	if left := countLeft(candidates); left > 0 {
		a.env.warn(fmt.Sprintf("%d more keep the rules and were left, since --max is %d", left, a.options.limit))
	}
	if !a.options.dryRun && len(fit) > 0 {
		if !a.exact && !a.options.yes {
			if err := a.env.confirm(fmt.Sprintf("Approve %d of %d requests? That cannot be taken back.", len(fit), len(candidates))); err != nil {
				return err
			}
		}
		a.env.concurrently("approved", len(fit), func(i int) {
			fit[i].outcome.err = csr.Approve(ctx, a.client.Certificates, *fit[i].request)
			fit[i].outcome.Result.Result = "approved"
		})
	}
	outcomes := make([]outcome, len(candidates))
	for i, c := range candidates {
		outcomes[i] = c.outcome
		outcomes[i].Name = c.name
	}
	return a.env.printOutcomes(outcomes)
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
	if c.outcome.err == nil {
		c.outcome.Result, c.outcome.err = a.verdict(ctx, c)
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
		return result, fmt.Errorf("request %s: %w", request.Name, errOtherKey)
	}
	if !request.IsPending() { // whoever decided
		result.Result = "approved"
		return result, request.Refused()
	}
	facts, err := gatherFacts(ctx, a.client, request, a.signer)
	if err != nil {
		return result, err
	}
	verdicts := csr.Check(request, facts)
	result.Verdicts = verdictsOf(verdicts)
	refusals := csr.Refusals(verdicts)
	if a.options.force {
		refusals = a.passOver(refusals)
	}
	if len(refusals) > 0 {
		return result, &csr.OutsideRulesError{Name: request.Name, Verdicts: refusals}
	}
	return result, nil
}

// passOver says which rules --force passes over, and returns those that it does
// not.
func (a approver) passOver(refusals []csr.Verdict) []csr.Verdict {
	var absolute []csr.Verdict
	var passed []string
	for _, v := range refusals {
		if v.Absolute {
			absolute = append(absolute, v)
		} else {
			passed = append(passed, v.Rule+" ("+v.Detail+")")
		}
	}
	if len(absolute) == 0 && len(passed) > 0 {
		a.env.warn("--force passes over these rules: " + strings.Join(passed, "; "))
	}
	return absolute
}

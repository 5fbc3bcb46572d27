package doctor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// check is one check. Cluster, Node and Probe are lists of checks.
type check struct {
	name string
	// timeout limits run; 0 sets no limit of its own.
	timeout time.Duration
	// required means that the checks after this one are not run when it fails.
	required bool
	run      runner
	// diagnose turns an error of run into a finding.
	diagnose func(context.Context, error) Finding
}

// runner returns the findings of a check, none if nothing can be checked.
type runner func(context.Context) ([]Finding, error)

// do runs the check, unless ctx is canceled. It redacts whatever looks like a token
// in the findings.
func (c check) do(ctx context.Context) []Finding {
	limited, cancel := ctx, func() {}
	if c.timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, c.timeout)
	}
	defer cancel()
	var findings []Finding
	err := ctx.Err()
	if !errors.Is(err, context.Canceled) {
		findings, err = c.run(limited)
	}
	if err != nil {
		findings = append(findings, c.diagnose(ctx, err))
	}
	for i := range findings {
		f := &findings[i]
		f.Check, f.Message, f.Fix = c.name, token.Redact(f.Message), token.Redact(f.Fix)
	}
	return findings
}

// inOrder runs the checks one after another, up to a required one that fails. The
// observer may be nil.
func inOrder(ctx context.Context, checks []check, observer kubeclient.Observer) []Finding {
	var all []Finding
	for _, c := range checks {
		observer.Notify(kubeclient.Event{Step: c.name})
		findings := c.do(ctx)
		all = append(all, findings...)
		if c.required && hasFailed(findings) {
			break
		}
	}
	return all
}

// atOnce runs the checks concurrently and returns their findings in the order of the
// checks.
func atOnce(ctx context.Context, checks []check) []Finding {
	found := make([][]Finding, len(checks))
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() { found[i] = c.do(ctx) })
	}
	running.Wait()
	return slices.Concat(found...)
}

// hasFailed reports whether one of the findings is FAIL.
func hasFailed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Status == FAIL })
}

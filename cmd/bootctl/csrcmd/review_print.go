package csrcmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

func reviewView(review output.CSRReview, now time.Time) cli.Result {
	r := review.CSR
	node, lifetime := r.NodeName, "chosen by the signer"
	if node != "" {
		node += existence[review.NodeExists]
	}
	if r.ExpirationSeconds != 0 {
		lifetime = cli.HumanDuration(time.Duration(r.ExpirationSeconds) * time.Second)
	}
	rows := [][]string{
		{"UID", r.UID}, {"age", cli.HumanDuration(now.Sub(r.Created))}, {"condition", cli.JoinNonEmpty(": ", strings.Join(r.Conditions, ","), r.Reason, r.Message)},
		{"subject", r.Subject}, {"node", node}, {"names", strings.Join(r.SANs, " ")},
		{"signer name", r.Signer}, {"usages", strings.Join(r.Usages, ", ")}, {"lifetime", lifetime},
		{"key", r.Key}, {"fingerprint", r.Fingerprint}, {"  in groups", csr.FormatFingerprint(r.Fingerprint)},
		{"requester", r.Requester}, {"  in groups", strings.Join(r.Groups, ", ")}, {"token", tokenText(review, now)},
	}
	for _, rule := range review.Rules {
		state := "ok"
		if !rule.Passed {
			state = "FAIL"
		}
		rows = append(rows, []string{"rule: " + rule.Rule, cli.JoinNonEmpty(": ", state, rule.Message)})
	}
	signer := outcomeTexts[csr.Outcome(review.SignerResult)] + review.SignerMessage
	access := "can approve CSRs for " + r.Signer
	if review.MissingPermission != "" {
		access = "cannot approve: " + review.MissingPermission
	}
	rows = append(rows, []string{"policy", policyText(review)}, []string{"signer", signer}, []string{"your permissions", access})
	if review.PendingReason != "" {
		rows = append(rows, []string{"pending because", review.PendingReason})
	}
	if len(review.ConflictingCSRs) > 0 {
		rows = append(rows, []string{"WARNING", "CSRs for the same node with other keys: " + strings.Join(review.ConflictingCSRs, " ")})
	}
	if r.Problem != "" {
		rows = append(rows, []string{"WARNING", r.Problem})
	}
	return cli.Result{Object: review, Names: []cli.Name{cmdutil.CSRResource.Reference(r.Name)}, Header: []string{"CSR", r.Name}, Rows: rows, Footer: review.Command}
}

// nextCommand returns the command to run after the review: approve exactly this object,
// or deny it if it violates a rule that cannot be overridden. A name that is not safe on
// a command line is omitted, because the UID identifies the object.
func nextCommand(r csr.Request, violations []approval.RuleResult) string {
	name, uid := escape.ShellQuote(r.Name), "--uid "+r.UID
	switch {
	case r.IsPending() && !slices.ContainsFunc(violations, func(v approval.RuleResult) bool { return !v.Overridable }):
		return cli.JoinNonEmpty(" ", "bootctl csr approve", name, uid) + cmdutil.SignerFlag(r)
	case name == "":
		return ""
	case r.IsPending():
		return "bootctl csr deny " + name + " " + uid + " --reason PolicyViolation"
	case r.Refused() != nil:
		return "bootctl csr delete " + name + " " + uid
	}
	return "bootctl csr wait " + name
}

// existence follows the name of a node.
var existence = map[bool]string{true: ": a Node of this name exists", false: ": no Node of this name exists"}

func tokenText(review output.CSRReview, now time.Time) string {
	id, isToken := strings.CutPrefix(review.CSR.Requester, api.BootstrapUserPrefix)
	info := review.Token
	switch {
	case !isToken:
		return ""
	case info == nil:
		return id + ", but its Secret cannot be read"
	}
	expiration := "never expires"
	if info.Expired {
		expiration = ""
	} else if info.Expires != nil {
		expiration = "expires in " + cli.HumanDuration(info.Expires.Sub(now))
	}
	return cli.JoinNonEmpty(", ", info.ID, info.Status, expiration, info.Description)
}

// policyText summarizes the results of the rules.
func policyText(review output.CSRReview) string {
	failed := slices.DeleteFunc(slices.Clone(review.Rules), func(r output.RuleResult) bool { return r.Passed })
	if len(failed) == 0 {
		return fmt.Sprintf("all %d rules passed", len(review.Rules))
	}
	text := fmt.Sprintf("%d of %d rules failed", len(failed), len(review.Rules))
	if slices.ContainsFunc(failed, func(r output.RuleResult) bool { return !r.Overridable }) {
		text += ", and some cannot be overridden"
	}
	return text
}

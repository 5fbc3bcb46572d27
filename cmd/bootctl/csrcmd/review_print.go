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

func reviewView(review output.RequestReview, now time.Time) cli.Result {
	r := review.Request
	node, lifetime := r.NodeName, "left to the signer"
	if node != "" {
		node += existence[review.NodeExists]
	}
	if r.ExpirationSeconds != 0 {
		lifetime = cli.HumanDuration(time.Duration(r.ExpirationSeconds) * time.Second)
	}
	rows := [][]string{
		{"UID", r.UID}, {"age", cli.HumanDuration(now.Sub(r.Created))}, {"condition", cli.JoinNonEmpty(": ", strings.Join(r.Conditions, ","), r.Reason, r.Message)},
		{"subject", r.Subject}, {"node", node}, {"names", strings.Join(r.SANs, " ")},
		{"signer", r.Signer}, {"usages", strings.Join(r.Usages, ", ")}, {"lifetime", lifetime},
		{"key", r.Key}, {"fingerprint", r.Fingerprint}, {"  in groups", csr.FormatFingerprint(r.Fingerprint)},
		{"asked by", r.Requester}, {"  in groups", strings.Join(r.Groups, ", ")}, {"token", tokenText(review, now)},
	}
	for _, v := range review.Verdicts {
		state := "ok"
		if !v.OK {
			state = "BROKEN"
		}
		rows = append(rows, []string{"rule: " + v.Rule, cli.JoinNonEmpty(": ", state, v.Detail)})
	}
	signer := outcomeTexts[csr.Outcome(review.Outcome)] + review.OutcomeReason
	access := "yes: you may update certificatesigningrequests/approval, and approve for " + r.Signer
	if review.MissingAccess != "" {
		access = "no: " + review.MissingAccess
	}
	rows = append(rows, []string{"so approve", fitText(review)}, []string{"the signer", signer}, []string{"may you", access})
	if review.Waiting != "" {
		rows = append(rows, []string{"waiting", review.Waiting})
	}
	if len(review.Rivals) > 0 {
		rows = append(rows, []string{"WARNING", "this node is asked for with other keys too: " + strings.Join(review.Rivals, " ")})
	}
	if r.Problem != "" {
		rows = append(rows, []string{"WARNING", r.Problem})
	}
	return cli.Result{Object: review, Names: []cli.Name{cmdutil.CSRResource.Reference(r.Name)}, Header: []string{"REQUEST", r.Name}, Rows: rows, Footer: review.Command}
}

// nextCommand is what comes after the review: to approve just this object, or to
// deny it where nothing passes over the rules that it breaks. A name that cannot
// stand on a command line is left out; the UID says as much.
func nextCommand(r csr.Request, violations []approval.RuleResult) string {
	name, uid := escape.ShellQuote(r.Name), "--uid "+r.UID
	switch {
	case r.IsPending() && !slices.ContainsFunc(violations, func(v approval.RuleResult) bool { return v.Absolute }):
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
var existence = map[bool]string{true: ": there is a Node of this name", false: ": there is no Node of this name"}

func tokenText(review output.RequestReview, now time.Time) string {
	id, isToken := strings.CutPrefix(review.Request.Requester, api.BootstrapUserPrefix)
	info := review.Token
	switch {
	case !isToken:
		return ""
	case info == nil:
		return id + ", of which nothing more can be read"
	}
	ends := "never expires"
	if info.Expires != nil {
		ends = "expires in " + cli.HumanDuration(info.Expires.Sub(now))
	}
	return cli.JoinNonEmpty(", ", info.ID, info.Status, ends, info.Description)
}

func fitText(review output.RequestReview) string {
	if review.Fit {
		return "approves it"
	}
	broken := slices.DeleteFunc(slices.Clone(review.Verdicts), func(v output.Verdict) bool { return v.OK })
	text := fmt.Sprintf("refuses it for %d of %d rules", len(broken), len(review.Verdicts))
	if slices.ContainsFunc(broken, func(v output.Verdict) bool { return v.Absolute }) {
		text += ", and --force does not pass over all of them"
	}
	return text
}

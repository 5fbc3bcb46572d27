package csrcmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

type reviewOptions struct {
	node string
}

func (o *reviewOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.node, "node", "", "review the pending request for the node of this `name`")
}

func newReview(e *cli.Env) *cobra.Command {
	var o reviewOptions
	cmd := &cobra.Command{
		Use:   "review NAME | --node NODE",
		Short: "Show all that an approver must know of a request",
		Long: `Shows on one screen what a request asks for and with which key, who asks and with
which bootstrap token, whether a Node of that name exists, what each rule of
approve says, what the signer will do, whether you may approve it, and why it is
still pending. The last line is the command that comes next: it approves this very
request, whatever bears its name by then.

Compare the fingerprint with the one that a waiting join shows at the node.

Needs get on certificatesigningrequests and nodes; list on
certificatesigningrequests to see other requests for the node, create on
subjectaccessreviews to say why it is pending, and get on secrets in kube-system
to describe the token: without these, the lines say less.`,
		Example: "  bootctl csr review node-csr-4eJ2",
		RunE: func(cmd *cobra.Command, names []string) error {
			return runReview(cmd.Context(), e, o, names)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	cmd.ValidArgsFunction = completeRequests(e, 1)
	cli.CompleteWith(cmd, "node", completeNodes(e))
	return cmd
}

func runReview(ctx context.Context, e *cli.Env, o reviewOptions, names []string) error {
	names, err := oneRequest(names, o.node)
	if err != nil {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	request, err := resolveRequest(ctx, client, names, o.node)
	if err != nil {
		return err
	}
	review, err := review(e, ctx, client, request)
	if err != nil {
		return err
	}
	return e.Print(reviewView(review, e.Now()))
}

func resolveRequest(ctx context.Context, client *kubeclient.Client, names []string, node string) (csr.Request, error) {
	if len(names) == 1 {
		return csr.Get(ctx, client.Certificates, names[0])
	}
	return requestOfNode(ctx, client, csr.Filter{Node: node, SignerName: csr.KubeletClient, Condition: csr.Pending})
}

func review(e *cli.Env, ctx context.Context, client *kubeclient.Client, r csr.Request) (output.RequestReview, error) {
	facts, err := gatherFacts(ctx, client, r, r.SignerName)
	if err != nil {
		return output.RequestReview{}, err
	}
	verdicts := approval.Check(r, facts)
	refusals := approval.Violations(verdicts)
	review := output.RequestReview{
		Meta: output.Kind("RequestReview"), Request: certificateRequest(r), NodeExists: facts.NodeExists,
		Verdicts: verdictsOf(verdicts), Fit: len(refusals) == 0, Token: tokenOf(e, ctx, client, r),
		Rivals: cli.OrEmpty(rivalsOf(ctx, client, r)), Command: e.WithProgramName(nextCommand(r, refusals)),
	}
	outcome, reason := csr.Predict(r)
	review.Outcome, review.OutcomeReason = string(outcome), reason
	automatic := csr.AutoApprovalUnknown
	if r.IsPending() {
		automatic = autoApproval(ctx, client, r)
	}
	review.Waiting = csr.Explain(r, automatic)
	var missing *kubeclient.MissingPermissionError
	switch err := approval.CheckAccess(ctx, client.Authorization, r.SignerName); {
	case errors.As(err, &missing):
		review.MissingAccess = err.Error()
	case err != nil:
		return output.RequestReview{}, err
	default:
		review.MayApprove = true
	}
	return review, nil
}

// tokenOf returns the bootstrap token that sent the request, where there is one
// and it may be read.
func tokenOf(e *cli.Env, ctx context.Context, client *kubeclient.Client, r csr.Request) *output.TokenInfo {
	id, ok := strings.CutPrefix(r.Username, api.BootstrapUserPrefix)
	if !ok {
		return nil
	}
	info, err := token.Get(ctx, client.Core, id)
	if err != nil {
		return nil
	}
	found := cmdutil.TokenInfo(info, e.Now())
	return &found
}

// rivalsOf returns the other pending requests for the same, where they may be
// listed.
func rivalsOf(ctx context.Context, client *kubeclient.Client, r csr.Request) []string {
	if !r.IsPending() || r.NodeName() == "" {
		return nil
	}
	_, rivals, err := pendingRequests(ctx, client, csr.Filter{SignerName: r.SignerName, Node: r.NodeName(), Condition: csr.Pending})
	if err != nil {
		return nil
	}
	return rivals.Of(r)
}

// nextCommand is what comes after the review: to approve just this object, or to
// deny it where nothing passes over the rules that it breaks. A name that cannot
// stand on a command line is left out; the UID says as much.
func nextCommand(r csr.Request, refusals []approval.RuleResult) string {
	name, uid := escape.ShellQuote(r.Name), " --uid "+r.UID
	absolute := slices.ContainsFunc(refusals, func(v approval.RuleResult) bool { return v.Absolute })
	switch {
	case r.IsPending() && !absolute && name == "":
		return "bootctl csr approve" + uid + cmdutil.SignerFlag(r)
	case name == "":
		return ""
	case r.IsPending() && !absolute:
		return "bootctl csr approve " + name + uid + cmdutil.SignerFlag(r)
	case r.IsPending():
		return "bootctl csr deny " + name + uid + " --reason PolicyViolation"
	case r.Refused() != nil:
		return "bootctl csr delete " + name + uid
	}
	return "bootctl csr wait " + name
}

func reviewView(review output.RequestReview, now time.Time) cli.Result {
	r := review.Request
	rows := [][]string{
		{"UID", r.UID}, {"age", cli.HumanDuration(now.Sub(r.Created))}, {"condition", cli.JoinNonEmpty(": ", strings.Join(r.Conditions, ","), cli.JoinNonEmpty(": ", r.Reason, r.Message))},
		{"subject", r.Subject}, {"node", nodeText(review)}, {"names", strings.Join(r.SANs, " ")},
		{"signer", r.Signer}, {"usages", strings.Join(r.Usages, ", ")}, {"lifetime", lifetimeText(r.ExpirationSeconds)},
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
	rows = append(rows, []string{"so approve", fitText(review)}, []string{"the signer", outcomeText(review)}, []string{"may you", accessText(review)})
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

func nodeText(review output.RequestReview) string {
	switch {
	case review.Request.NodeName == "":
		return ""
	case review.NodeExists:
		return review.Request.NodeName + ": there is a Node of this name"
	}
	return review.Request.NodeName + ": there is no Node of this name"
}

func lifetimeText(seconds int32) string {
	if seconds == 0 {
		return "left to the signer"
	}
	return cli.HumanDuration(time.Duration(seconds) * time.Second)
}

func tokenText(review output.RequestReview, now time.Time) string {
	info := review.Token
	if info == nil {
		id, ok := strings.CutPrefix(review.Request.Requester, api.BootstrapUserPrefix)
		if !ok {
			return ""
		}
		return id + ", of which nothing more can be read"
	}
	ends := "never expires"
	if info.Expires != nil {
		ends = "expires in " + cli.HumanDuration(info.Expires.Sub(now))
	}
	return cli.JoinNonEmpty(", ", info.ID, info.Status, ends, info.Description)
}

func fitText(review output.RequestReview) string {
	var broken, absolute int
	for _, v := range review.Verdicts {
		if !v.OK {
			broken++
		}
		if !v.OK && v.Absolute {
			absolute++
		}
	}
	switch {
	case broken == 0:
		return "approves it"
	case absolute > 0:
		return fmt.Sprintf("refuses it for %d of %d rules, and --force does not pass over all of them", broken, len(review.Verdicts))
	}
	return fmt.Sprintf("refuses it for %d of %d rules", broken, len(review.Verdicts))
}

func outcomeText(review output.RequestReview) string {
	switch csr.Outcome(review.Outcome) {
	case csr.OutcomeIssued:
		return "issues the certificate once it is approved"
	case csr.OutcomeFailed:
		return "fails it: " + review.OutcomeReason
	case csr.OutcomeNeverSigned:
		return "never signs it: " + review.OutcomeReason
	default:
		return "decides by itself: " + review.OutcomeReason
	}
}

func accessText(review output.RequestReview) string {
	if review.MissingAccess != "" {
		return "no: " + review.MissingAccess
	}
	return "yes: you may update certificatesigningrequests/approval, and approve for " + review.Request.Signer
}

package csrcmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

type reviewOptions struct{ node, signer string }

func (o *reviewOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.node, "node", "", "review the pending CSR for the node with this `name`")
	addSignerFlag(fs, &o.signer)
}

func newReview(e *cli.Env) *cobra.Command {
	var o reviewOptions
	cmd := &cobra.Command{
		Use:   "review NAME | --node NODE",
		Short: "Show everything you need to approve a CSR",
		Long: `Show everything you need to approve a CSR.

Shows the requested certificate and its key, the requester and its bootstrap
token, whether a Node of that name exists, the result of each policy rule, what
the signer will do, whether you have permission to approve the CSR, and why it
is pending. The last line is the next command. It applies only to this object,
by its UID, even if another CSR has the name by then.

Compare the fingerprint with the one that bootctl join prints on the node.

Permissions:
  get on certificatesigningrequests
  list on certificatesigningrequests, with --node
  get on nodes
  get on services in default, for serving certificates
  list on endpointslices in default, for serving certificates
  get on the configmap cluster-info in kube-public, for serving certificates
  list on nodes, for serving certificates
  list on certificatesigningrequests, optional
  create on subjectaccessreviews, optional
  get on secrets in kube-system, optional

The optional permissions show other CSRs for the node, why the CSR is pending,
and the token.`,
		Example: `  # Review a CSR by name
  bootctl csr review node-csr-4eJ2

  # Review the pending CSR for a node
  bootctl csr review --node worker-1

  # Review the pending CSR for a kubelet's serving certificate
  bootctl csr review --node worker-1 --signer kubernetes.io/kubelet-serving`,
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, 1)
	completeFilter(e, cmd)
	return cmd
}

func (o reviewOptions) validate(named []csr.Request) error { return checkOne(named, o.node) }

func (o reviewOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	requests, client, err := begin(e, args, "", o.validate)
	if err == nil && o.node != "" {
		requests, _, err = approval.Candidates(ctx, client.Certificates, csr.Filter{Node: o.node, SignerName: o.signer})
	}
	if err != nil {
		return err
	}
	review, err := approval.Review(ctx, client, requests[0])
	if err != nil {
		return err
	}
	token := tokenOf(ctx, e, client, review.Request)
	return e.Print(reviewView(requestReview(e, review, token), e.Now()))
}

// requestReview returns the review, with the token that created the CSR and the next
// command.
func requestReview(e *cli.Env, review approval.ReviewResult, token *output.TokenInfo) output.CSRReview {
	violations := approval.Violations(review.Rules)
	out := output.CSRReview{
		Meta: output.Kind("CSRReview"), CSR: csrOutput(review.Request), Token: token,
		NodeExists: review.NodeExists, Rules: ruleResults(review.Rules), Approvable: len(violations) == 0,
		SignerResult: string(review.Outcome), SignerMessage: review.OutcomeReason, MayApprove: review.MissingPermission == nil,
		PendingReason: review.PendingReason, ConflictingCSRs: cli.OrEmpty(review.Conflicting), Command: e.WithProgramName(nextCommand(review.Request, violations)),
	}
	if review.MissingPermission != nil {
		out.MissingPermission = review.MissingPermission.Error()
	}
	return out
}

// tokenOf returns the bootstrap token that created the CSR, nil if there is none or its
// Secret cannot be read.
func tokenOf(ctx context.Context, e *cli.Env, client *kubeclient.Client, r csr.Request) *output.TokenInfo {
	id, ok := strings.CutPrefix(r.Username, api.BootstrapUserPrefix)
	if !ok {
		return nil
	}
	info, err := token.Get(ctx, client.Core, id)
	if err != nil {
		return nil
	}
	return new(cmdutil.TokenInfo(info, e.Now()))
}

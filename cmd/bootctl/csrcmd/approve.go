package csrcmd

import (
	"cmp"
	"math"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/csr"
)

type approveOptions struct {
	filterOptions
	limit              int
	wait               bool
	timeout            time.Duration
	dryRun, yes, force bool
}

func (o *approveOptions) addFlags(fs *pflag.FlagSet) {
	o.filterOptions.addFlags(fs)
	fs.StringVar(&o.UID, "uid", "", "approve only the CSR with this `UID`")
	fs.StringVar(&o.Fingerprint, "fingerprint", "", "approve only the CSR with this key `fingerprint`, or its first 20 or more digits")
	fs.IntVar(&o.limit, "max", math.MaxInt, "maximum `number` of CSRs to approve, oldest first. Defaults to all")
	fs.Lookup("max").DefValue = "0" // so that help prints no default
	fs.BoolVar(&o.wait, "wait", false, "wait for a CSR for --node to appear")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "with --wait, maximum time to wait")
	cli.Requires(fs, "wait", "timeout")
	cli.Requires(fs, "node", "wait")
	fs.BoolVar(&o.dryRun, "dry-run", false, "evaluate the CSRs without approving them")
	fs.BoolVar(&o.yes, "yes", false, "skip the confirmation prompt for CSRs selected by filters")
	fs.BoolVar(&o.force, "force", false, "approve one named CSR despite violations of rules that can be overridden")
	cli.GroupFlags(fs, "Filter Flags", "pending", "signer", "requester", "requester-group", "node", "older-than", "uid", "fingerprint", "max")
	cli.GroupFlags(fs, "Safety Flags", "dry-run", "yes", "force")
}

func newApprove(e *cli.Env) *cobra.Command {
	var o approveOptions
	cmd := &cobra.Command{
		Use:   "approve [NAME...]",
		Short: "Approve CSRs that pass the approval policy",
		Long: `Approve CSRs that pass the approval policy.

Select CSRs by name, or pending CSRs with filters, which are combined with AND.
Each CSR is first evaluated with the rules that csr review shows. Without
--signer these are the rules for a kubelet's client certificate: the subject is
a node with a valid name, there are no other names, the usages are a kubelet's,
the key is strong, the requester is a bootstrap token or the node itself, and no
Node of that name exists unless the node renews its certificate. With --signer,
the rules of that signer apply. CSRs that violate a rule are refused, but never
denied. Privileged CSRs are never approved, even with --force.

The approval applies only to the object that was evaluated, by its UID. With
--fingerprint, it applies only to the key whose fingerprint was read at the
node. If several CSRs with different keys are for the same node, filters approve
none of them, and no other once one is approved. A CSR that cannot be approved
does not stop the others. For CSRs selected by a filter, bootctl asks for
confirmation on a terminal and requires --yes otherwise, except with --node,
--uid, or --fingerprint.

Exits with code 5 if a CSR violates a rule.

Permissions:
  update on certificatesigningrequests/approval
  approve on the signer
  get on certificatesigningrequests
  list on certificatesigningrequests, with filters
  get on nodes
  create on subjectaccessreviews, for the signer of API server clients

The permissions on approval and on the signer are checked first.`,
		Example: `  # Approve a CSR by name, if it still has this UID
  bootctl csr approve node-csr-4eJ2 --uid 0e5c3f6a-6d0f-4f7e-9a53-0c7a3d1b2f10

  # Wait for the CSR of a node and approve it if it has this key
  bootctl csr approve --node worker-1 --wait \
    --fingerprint "9f86 d081 884c 7d65 9a2f"

  # Approve all pending CSRs created with tokens of a group, without a prompt
  bootctl csr approve --yes \
    --requester-group system:bootstrappers:kubeadm:default-node-token

  # Approve all pending CSRs for kubelet serving certificates
  bootctl csr approve --signer kubernetes.io/kubelet-serving --pending --yes`,
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, math.MaxInt)
	completeFilter(e, cmd)
	return cmd
}

// validate returns an error if the flags cannot be combined.
func (o approveOptions) validate(named []csr.Request) error {
	withNames := csr.Filter{SignerName: o.SignerName, UID: o.UID, Fingerprint: o.Fingerprint} // allowed together with names
	filtered := o.filterOptions != filterOptions{Filter: withNames}
	_, err := o.filter(time.Time{})
	return cmp.Or(
		cli.UsageIf(len(named) == 0 && o.filterOptions == filterOptions{}, "specify CSRs by name, or with a filter such as --pending"),
		cli.UsageIf(len(named) > 0 && filtered, "CSR names and filters cannot be used together"),
		cli.UsageIf(len(named) == 0 && filtered && o.UID != "", "--uid applies to a single CSR and cannot be used with filters"),
		cli.UsageIf(len(named) > 1 && o.UID != "", "--uid applies to a single CSR, but %d were named", len(named)),
		cli.UsageIf(len(named) > 1 && o.Fingerprint != "", "--fingerprint applies to a single CSR, but %d were named", len(named)),
		cli.UsageIf(len(named) != 1 && o.force, "--force applies to a single named CSR, but %d were named", len(named)),
		cli.UsageIf(o.limit < 1, "--max must be at least 1, not %d", o.limit),
		cli.UsageIf(o.timeout <= 0, "--timeout must be positive, not %s", o.timeout),
		err,
	)
}

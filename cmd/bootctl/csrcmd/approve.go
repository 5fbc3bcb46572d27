package csrcmd

import (
	"cmp"
	"math"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/csr"
)

type approveOptions struct {
	filterOptions
	limit              int
	allowed            []string // addresses
	wait               bool
	timeout            time.Duration
	dryRun, yes, force bool
}

func (o *approveOptions) addFlags(fs *pflag.FlagSet) {
	o.filterOptions.addFlags(fs)
	fs.StringVar(&o.UID, "uid", "", "approve only the CSR with this `UID`")
	fs.StringVar(&o.Fingerprint, "fingerprint", "", "approve only the CSR with this key `fingerprint`, or its first 20 or more digits")
	fs.StringSliceVar(&o.allowed, "allow-address", nil, "with --node, allow this `address` or host name for the node although another host has it or it is not the node's name; can be repeated")
	cli.Requires(fs, "node", "allow-address")
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
	cli.GroupFlags(fs, "Safety Flags", "dry-run", "yes", "force", "allow-address")
}

const approveLong = `Approve CSRs that pass the approval policy.

Select CSRs by name, or pending CSRs with filters, which are combined with AND.
Each CSR is first evaluated with the rules that csr review shows. Without
--signer these are the rules for a kubelet's client certificate: the subject is
a node with a valid name, there are no other names, the usages are a kubelet's,
the key is strong, the requester is a bootstrap token or the node itself, and no
Node of that name exists unless the node renews its certificate. With --signer,
the rules of that signer apply. CSRs that violate a rule are refused, but never
denied. Privileged CSRs are never approved, even with --force.

A serving certificate is approved for the node's own name and for the addresses
in the status of its Node, which the node writes itself, unless the API server
or another node has such an address. If they share it, for example on a control
plane node, or for another host name, confirm it with --node and
--allow-address. Loopback addresses and the names and addresses of the Service
kubernetes are never approved.

The approval applies only to the object that was evaluated, by its UID. With
--fingerprint, it applies only to the key whose fingerprint was read at the
node. If several CSRs with different keys are for the same node, filters approve
none of them, even after you approve one by name. A CSR that cannot be approved
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
  get on services in default, for serving certificates
  list on endpointslices in default, for serving certificates
  get on the configmap cluster-info in kube-public, for serving certificates
  list on nodes, for serving certificates

The permissions on approval and on the signer are checked first.`

func newApprove(e *cli.Env) *cobra.Command {
	var o approveOptions
	cmd := &cobra.Command{
		Use:   "approve [NAME...]",
		Short: "Approve CSRs that pass the approval policy",
		Long:  approveLong,
		Example: `  # Approve a CSR by name, if it still has this UID
  bootctl csr approve node-csr-4eJ2 --uid 0e5c3f6a-6d0f-4f7e-9a53-0c7a3d1b2f10

  # Wait for the CSR of a node and approve it if it has this key
  bootctl csr approve --node worker-1 --wait \
    --fingerprint "9f86 d081 884c 7d65 9a2f"

  # Approve all pending CSRs created with tokens of a group, without a prompt
  bootctl csr approve --yes \
    --requester-group system:bootstrappers:kubeadm:default-node-token

  # Approve all pending CSRs for kubelet serving certificates
  bootctl csr approve --signer kubernetes.io/kubelet-serving --pending --yes

  # Approve the serving certificate of a control plane node
  bootctl csr approve --signer kubernetes.io/kubelet-serving --node cp-1 \
    --allow-address 192.0.2.1`,
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
		cli.UsageIf(len(o.allowed) > 0 && o.SignerName != csr.KubeletServing, "--allow-address applies to serving certificates, so it requires --signer %s", csr.KubeletServing),
		validateAddresses(o.allowed),
		cli.UsageIf(o.limit < 1, "--max must be at least 1, not %d", o.limit),
		cli.UsageIf(o.timeout <= 0, "--timeout must be positive, not %s", o.timeout),
		err,
	)
}

// validateAddresses returns an error unless each text is an IP address or a host name.
func validateAddresses(addresses []string) error {
	for _, address := range addresses {
		if err := cli.UsageIf(net.ParseIP(address) == nil && csr.ValidateNodeName(strings.ToLower(address)) != nil,
			"--allow-address %q is neither an IP address nor a host name", address); err != nil {
			return err
		}
	}
	return nil
}

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
	fs.StringVar(&o.UID, "uid", "", "approve only the request of this `UID`, whatever bears its name now")
	fs.StringVar(&o.Fingerprint, "fingerprint", "", "approve only the request for the key of this `fingerprint`, or its first 20 digits or more")
	fs.IntVar(&o.limit, "max", math.MaxInt, "approve at most this `number`, the oldest first")
	fs.Lookup("max").DefValue = "0" // which help does not show
	fs.BoolVar(&o.wait, "wait", false, "wait for a request of --node to appear")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "with --wait, give up after this long")
	cli.Requires(fs, "wait", "timeout")
	cli.Requires(fs, "node", "wait")
	fs.BoolVar(&o.dryRun, "dry-run", false, "judge, and approve nothing")
	fs.BoolVar(&o.yes, "yes", false, "do not ask before approving what filters select")
	fs.BoolVar(&o.force, "force", false, "approve the one named request against the rules, unless it asks for privileges")
}

func newApprove(e *cli.Env) *cobra.Command {
	var o approveOptions
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
out. Of two requests for one node with different keys neither is approved by a
filter, and not the second once the first was. One request that cannot be approved
does not stop the others. What filters select is asked about on a terminal, and
takes --yes without one, unless it is selected by --node, --uid or --fingerprint.

Needs update on certificatesigningrequests/approval and approve on the signer,
which are checked first; get and list on certificatesigningrequests, get on
nodes, and for clients of the API server create on subjectaccessreviews.`,
		Example: `  bootctl csr approve node-csr-4eJ2 --uid 0e5c3f6a-6d0f-4f7e-9a53-0c7a3d1b2f10
  bootctl csr approve --node worker-1 --wait --fingerprint "9f86 d081 884c 7d65 9a2f"
  bootctl csr approve --requester-group system:bootstrappers:kubeadm:default-node-token --yes
  bootctl csr approve --signer kubernetes.io/kubelet-serving --pending --yes`,
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, math.MaxInt)
	completeFilter(e, cmd)
	return cmd
}

// validate returns an error when the flags do not fit together.
func (o approveOptions) validate(named []csr.Request) error {
	beside := csr.Filter{SignerName: o.SignerName, UID: o.UID, Fingerprint: o.Fingerprint} // what names may have beside them
	filtered := o.filterOptions != filterOptions{Filter: beside}
	_, err := o.filter(time.Time{})
	return cmp.Or(
		cli.UsageIf(len(named) == 0 && o.filterOptions == filterOptions{}, "name requests, or say which are meant, such as --pending"),
		cli.UsageIf(len(named) > 0 && filtered, "requests were named, and filters given too"),
		cli.UsageIf(len(named) == 0 && filtered && o.UID != "", "--uid is of one request, and filters were given too"),
		cli.UsageIf(len(named) > 1 && o.UID != "", "--uid is of one request, and %d were named", len(named)),
		cli.UsageIf(len(named) > 1 && o.Fingerprint != "", "--fingerprint is of one request, and %d were named", len(named)),
		cli.UsageIf(len(named) != 1 && o.force, "--force is for one request, and %d were named", len(named)),
		cli.UsageIf(o.limit < 1, "--max %d leaves nothing to approve", o.limit),
		cli.UsageIf(o.timeout <= 0, "--timeout %s leaves no time", o.timeout),
		err,
	)
}

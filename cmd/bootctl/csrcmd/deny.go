package csrcmd

import (
	"cmp"
	"context"
	"math"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

type denyOptions struct {
	uid    string
	denial approval.Denial
}

func (o *denyOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.uid, "uid", "", "deny only the CSR with this `UID`")
	fs.StringVar(&o.denial.Reason, "reason", "", "reason for the denial: a CamelCase `word`, such as UnknownNode")
	fs.StringVar(&o.denial.Message, "message", "denied with bootctl csr deny", "`text` that is shown to the requester")
}

func newDeny(e *cli.Env) *cobra.Command {
	var o denyOptions
	cmd := &cobra.Command{
		Use:   "deny NAME... --reason WORD",
		Short: "Deny CSRs permanently",
		Long: `Deny CSRs permanently.

Kubernetes does not allow a denial to be revoked. A node's CSR name is derived
from its key, so the node's next attempt finds the denied CSR and fails again.
To let the node try again, delete the CSR with the command that deny prints.

The denial applies only to the object that was read, by its UID.

Exits with code 9 if a CSR is already approved.

Permissions:
  get on certificatesigningrequests
  update on certificatesigningrequests/approval
  approve on the signer`,
		Example: `  # Deny a CSR and show the reason to the requester
  bootctl csr deny node-csr-4eJ2 --reason UnknownNode \
    --message "no such machine in rack 7"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, math.MaxInt)
	return cmd
}

// reasonWord matches a reason: a word in CamelCase.
var reasonWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

func (o denyOptions) validate(named []csr.Request) error {
	reason := o.denial.Reason
	return cmp.Or(
		cli.UsageIf(o.uid != "" && len(named) > 1, "--uid applies to a single CSR, but %d were named", len(named)),
		cli.UsageIf(reason == "", "specify --reason, a CamelCase word such as UnknownNode"),
		cli.UsageIf(!reasonWord.MatchString(reason) || len(reason) > 128, "--reason %q is not a CamelCase word such as UnknownNode", reason),
	)
}

func (o denyOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	requests, client, err := begin(e, args, o.uid, o.validate)
	if err != nil {
		return err
	}
	e.Warn("a denial cannot be revoked; a node can try again only after you delete its CSR")
	outcomes := make([]cli.Outcome, len(requests))
	e.Concurrently(ctx, "denied", len(requests), func(ctx context.Context, i int) {
		request, err := approval.Deny(ctx, client, requests[i], o.denial)
		done := "denied"
		if request.Is(csr.Denied) {
			done = "already denied"
		}
		outcomes[i] = cli.Outcome{Result: output.Result{Name: requests[i].Name, Result: done, UID: request.UID}, Err: err}
	})
	if names := commandNames(outcomes); names != "" {
		e.Progress("to let the node try again, run: bootctl csr delete " + names)
	}
	return e.PrintOutcomes(outcomes, cmdutil.CSRResource.Reference)
}

// commandNames returns the names of the denied CSRs for a command line, except names
// that cannot be quoted safely.
func commandNames(outcomes []cli.Outcome) string {
	var words []string
	for _, o := range outcomes {
		if word := escape.ShellQuote(o.Name); word != "" && o.Err == nil {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

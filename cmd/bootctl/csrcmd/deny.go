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
	fs.StringVar(&o.uid, "uid", "", "deny only the request of this `UID`, whatever bears the name now")
	fs.StringVar(&o.denial.Reason, "reason", "", "why, in one `word` for programs, such as UnknownNode")
	fs.StringVar(&o.denial.Message, "message", "denied with bootctl csr deny", "why, for people: who asked is shown this `text`")
}

func newDeny(e *cli.Env) *cobra.Command {
	var o denyOptions
	cmd := &cobra.Command{
		Use:   "deny NAME... --reason WORD",
		Short: "Deny certificate signing requests, for good",
		Long: `Denies requests by name. The API allows no way back: a denied request stays
denied, and since a node asks again under the same name with the same key, it is
denied again at once. The one way on is to delete the request, with the command
that deny prints; then the node's next attempt asks anew.

The UID of the request that was read goes with the denial. One that was approved
cannot be denied any more, which is exit code 9.

Needs get on certificatesigningrequests, update on
certificatesigningrequests/approval, and approve on the signer.`,
		Example: `  bootctl csr deny node-csr-4eJ2 --reason UnknownNode --message "no such machine in rack 7"`,
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, names []string) error { return o.run(cmd.Context(), e, names) },
	}
	o.addFlags(cmd.Flags())
	cmd.ValidArgsFunction = completeRequests(e, math.MaxInt)
	return cmd
}

// reasonWord is the form of a reason: a word in camel case.
var reasonWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

func (o denyOptions) validate(named []csr.Request) error {
	reason := o.denial.Reason
	return cmp.Or(
		cli.UsageIf(o.uid != "" && len(named) > 1, "--uid is of one request, and %d were named", len(named)),
		cli.UsageIf(reason == "", "give --reason, a word like UnknownNode"),
		cli.UsageIf(!reasonWord.MatchString(reason) || len(reason) > 128, "--reason %q is not a word like UnknownNode", reason),
	)
}

func (o denyOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	requests, client, err := begin(e, args, o.uid, o.validate)
	if err != nil {
		return err
	}
	e.Warn("a denial cannot be taken back; the one way to let a node ask again is to delete its request")
	outcomes := make([]cli.Outcome, len(requests))
	e.Concurrently(ctx, "denied", len(requests), func(ctx context.Context, i int) {
		request, err := approval.Deny(ctx, client, requests[i], o.denial)
		done := "denied"
		if request.Is(csr.Denied) {
			done = "denied already"
		}
		outcomes[i] = cli.Outcome{Result: output.Result{Name: requests[i].Name, Result: done, UID: request.UID}, Err: err}
	})
	if way := commandNames(outcomes); way != "" {
		e.Progress("to let it ask again: bootctl csr delete " + way)
	}
	return e.PrintOutcomes(outcomes, cmdutil.CSRResource.Reference)
}

// commandNames writes the names of what was denied for a command line; those that
// cannot stand there are left out.
func commandNames(outcomes []cli.Outcome) string {
	var words []string
	for _, o := range outcomes {
		if word := escape.ShellQuote(o.Name); word != "" && o.Err == nil {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

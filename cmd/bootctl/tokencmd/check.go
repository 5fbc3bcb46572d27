package tokencmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/token"
)

type checkOptions struct {
	tokenFile string
	endpoint  string
	trust     cmdutil.TrustFlags
}

func (o *checkOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.tokenFile, "token-file", "", "check the whole token in this `file` (- is stdin)")
	fs.StringVar(&o.endpoint, "endpoint", "", "check as a node does, at this `address`, without a kubeconfig")
	o.trust.AddFlags(fs)
}

func newCheck(e *cli.Env) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check ID | --token-file FILE",
		Short: "Say whether a bootstrap token works, and why not",
		Long: `Without --endpoint it reads the token's Secret as an administrator, and says what the
API server, the bootstrap signer and the token cleaner do with it, and what is odd
about it. Of a whole token, in --token-file or $BOOTCTL_TOKEN, the secret must be the
cluster's, too. The exit code is 4 when the token does not do all that its usages
say, or when cluster-info is not signed with it.

With --endpoint it asks the API server itself, as a node that has the token: over a
connection that --ca-cert-hash or --ca-file verifies, it asks who the token is. It
ends with 8 when the API server rejects the token (TokenRejected) or lets nobody ask
(Forbidden), and with 7 when it cannot be reached. Whether cluster-info is signed with
the token, which a join needs too, is what bootctl cluster-info verify --endpoint says.

Needs get on secrets in kube-system and on the configmap cluster-info in
kube-public; with --endpoint nothing but the token.`,
		Example: `  bootctl token check k3x9q2
  bootctl token check --token-file token --endpoint 192.0.2.1:6443 --ca-file ca.crt`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeTokenIDs(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.endpoint != "" || o.trust.Given() {
				return runTokenCheckNode(cmd.Context(), e, o, args)
			}
			return runCheck(cmd.Context(), e, o, args)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

// argument reads the token that is meant.
func (o checkOptions) argument(e *cli.Env, args []string) (tokenArgument, error) {
	switch {
	case len(args) == 1 && o.tokenFile != "":
		return tokenArgument{}, fmt.Errorf("%w: a token was named and --token-file given, too", failure.ErrUsage)
	case len(args) == 1:
		return tokenArgumentOf(e, args[0])
	}
	if o.tokenFile == "" && e.Getenv(cmdutil.TokenVariable) == "" {
		return tokenArgument{}, fmt.Errorf("%w: name a token by its ID, give --token-file, or set %s", failure.ErrUsage, cmdutil.TokenVariable)
	}
	tok, err := cmdutil.NodeToken(e, o.tokenFile, "")
	return tokenArgument{tok.ID(), tok}, err
}

func runCheck(ctx context.Context, e *cli.Env, o checkOptions, args []string) error {
	wanted, err := o.argument(e, args)
	if err != nil {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	info, err := token.Get(ctx, client.Core, wanted.id)
	if err != nil {
		return err
	}
	object, unfit := tokenCheck(info, wanted, e.Now())
	if object.Signs {
		document, err := clusterinfo.Fetch(ctx, client.Core)
		if err != nil {
			object.Notes = append(object.Notes, "whether cluster-info is signed with it cannot be said: "+err.Error())
		} else {
			object.Signature = clusterinfo.Check(document, info.Token)
			unfit = cli.JoinErrors(unfit, missSignature(&object, document, info, e.Now()))
		}
	}
	return cli.JoinErrors(e.Print(checkView(object, e.Now())), unfit)
}

// tokenCheck says what Kubernetes does with the token, and returns an error when
// that is not what its usages say, or when another token was meant.
func tokenCheck(info token.Info, wanted tokenArgument, now time.Time) (output.TokenCheck, error) {
	verdict, item := info.Evaluate(now), cmdutil.TokenInfo(info, now)
	object := output.TokenCheck{
		Meta: output.Kind("TokenCheck"), ID: wanted.id, Token: &item,
		Accepted: verdict.Rejected == "", User: verdict.User, Groups: cli.OrEmpty(verdict.Groups), Rejected: verdict.Rejected,
		Signs: verdict.Unsigned == "", Unsigned: verdict.Unsigned,
		Notes: append(cli.OrEmpty(info.Notes), lifetimeNotes(info, now)...),
	}
	if !verdict.DeletedAt.IsZero() {
		cleaned := verdict.DeletedAt.UTC().Truncate(time.Second)
		object.Cleaned = &cleaned
	}
	if !wanted.whole.IsZero() {
		if err := info.Matches(wanted.whole); err != nil {
			object.Accepted, object.User, object.Groups, object.Rejected = false, "", []string{}, err.Error()
			object.Signs, object.Unsigned = false, err.Error()
			return object, err
		}
	}
	return object, info.Usable(now)
}

// missSignature returns an error when the signer has left the token without a good
// signature for longer than it takes, and notes it.
func missSignature(object *output.TokenCheck, document clusterinfo.Info, info token.Info, now time.Time) error {
	if stalled := clusterinfo.StalledControllers(document, []token.Info{info}, now)[clusterinfo.Signer]; stalled != "" {
		object.Notes = append(object.Notes, stalled)
		return fmt.Errorf("token %s: %w", info.ID, clusterinfo.ErrNotSignedYet)
	}
	return nil
}

// lifetimeNotes say what is odd about the end of a token.
func lifetimeNotes(info token.Info, now time.Time) []string {
	if info.Expires.IsZero() && info.Usable(now) == nil {
		return []string{"it " + neverExpires}
	}
	if stalled := clusterinfo.StalledControllers(clusterinfo.Info{}, []token.Info{info}, now)[clusterinfo.Cleaner]; stalled != "" {
		return []string{stalled}
	}
	return nil
}

// runTokenCheckNode asks the API server itself.
func runTokenCheckNode(ctx context.Context, e *cli.Env, o checkOptions, args []string) error {
	if o.endpoint == "" {
		return fmt.Errorf("%w: --ca-cert-hash, --ca-file and --unsafe-skip-ca-verification go with --endpoint", failure.ErrUsage)
	}
	plain := ""
	if len(args) == 1 {
		if id, err := cmdutil.TokenName(args[0]); err != nil {
			return err
		} else if id != "" {
			return fmt.Errorf("%w: with --endpoint it takes the whole token: give --token-file", failure.ErrUsage)
		}
		plain = args[0]
	}
	opts, err := o.trust.Discovery(e, []string{o.endpoint}, o.tokenFile, plain)
	if err != nil {
		return err
	}
	identity, err := discovery.Identify(ctx, opts)
	if err != nil {
		return err
	}
	object := output.TokenCheck{
		Meta: output.Kind("TokenCheck"), ID: opts.Token.ID(), Endpoint: identity.Endpoint.URL(), Accepted: true,
		User: identity.Username, Groups: cli.OrEmpty(identity.Groups), Notes: []string{},
	}
	return e.Print(checkView(object, e.Now()))
}

func checkView(object output.TokenCheck, now time.Time) cli.Result {
	v := cli.Result{Object: object, Names: []cli.Name{cmdutil.TokenReference(object.ID)}, Header: []string{"TOKEN", object.ID}}
	row := func(title, text string) { v.Rows = append(v.Rows, []string{title, text}) }
	accepts := "rejects it: " + object.Rejected
	if object.Accepted {
		accepts = "accepts it as " + object.User
	}
	if object.Token != nil {
		row("status", cmdutil.TokenStatus(*object.Token))
		row("description", object.Token.Description)
	}
	row("API server", accepts)
	if object.Accepted {
		row("in groups", strings.Join(object.Groups, ", "))
	}
	if object.Token == nil {
		row("asked at", object.Endpoint)
		return v
	}
	switch {
	case !object.Signs:
		row("bootstrap signer", "does not sign with it: "+object.Unsigned)
	default:
		row("bootstrap signer", "is to sign cluster-info with it")
		row("signature", object.Signature)
	}
	row("token cleaner", cleanedText(object.Cleaned, now))
	for _, note := range object.Notes {
		row("note", note)
	}
	return v
}

func cleanedText(at *time.Time, now time.Time) string {
	switch {
	case at == nil:
		return "never deletes it"
	case at.After(now):
		return "deletes it in " + cli.HumanDuration(at.Sub(now)) + ", at " + at.Format(time.RFC3339)
	}
	return "deletes it at once"
}

package tokencmd

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

type checkOptions struct {
	tokenFile, endpoint string
	trust               cmdutil.TrustFlags
}

func (o *checkOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.tokenFile, "token-file", "", "read the full token from `file` (- for stdin)")
	fs.StringVar(&o.endpoint, "endpoint", "", "check as a node does, at `address`, without a kubeconfig")
	o.trust.AddFlags(fs)
}

func newCheck(e *cli.Env) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check ID | --token-file FILE",
		Short: "Check whether a bootstrap token works",
		Long: `Check whether a bootstrap token works.

Without --endpoint, reads the token's Secret as an administrator and reports
what the API server, the bootstrapsigner, and the tokencleaner do with the
token. If you pass a full token, with --token-file or $BOOTCTL_TOKEN, its secret
must also match. Exits with code 4 if one of the token's usages does not work,
or if cluster-info is not signed with it.

With --endpoint, authenticates to the API server with the token, as a node does,
over a connection verified with --ca-cert-hash or --ca-file. Exits with code 8
if the API server rejects the token (TokenRejected) or forbids self-reviews
(Forbidden), and with code 7 if the API server cannot be reached. A join also
needs a signed cluster-info, which bootctl cluster-info verify --endpoint
checks.

Permissions:
  get on secrets in kube-system
  get on the configmap cluster-info in kube-public
With --endpoint, only the token is needed.`,
		Example: `  # Check a token as an administrator
  bootctl token check k3x9q2

  # Also compare the token's secret with the one in the cluster
  bootctl token check --token-file token

  # Check a token as a node, without a kubeconfig
  bootctl token check --token-file token \
    --endpoint 192.0.2.1:6443 --ca-file ca.crt`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeTokens(e, 1),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), e, args) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o checkOptions) validate(args []string) error {
	id, err := cmdutil.TokenName(strings.Join(args, ""))
	return cmp.Or(
		cli.UsageIf(o.endpoint == "" && o.trust.Given(), "--ca-cert-hash, --ca-file, and --unsafe-skip-ca-verification require --endpoint"),
		cli.UsageIf(o.endpoint == "" && len(args) == 1 && o.tokenFile != "", "ID and --token-file cannot be used together"),
		cli.UsageIf(o.endpoint != "" && id != "", "--endpoint requires the full token: use --token-file"),
		err,
	)
}

// argument reads the token to check.
func (o checkOptions) argument(e *cli.Env, args []string) (token.Info, error) {
	if len(args) == 1 {
		return namedToken(e, args[0])
	}
	tok, err := cmdutil.NodeToken(e, o.tokenFile, "")
	if errors.Is(err, cmdutil.ErrNoToken) {
		err = failure.Usagef("name a token by its ID, use --token-file, or set %s", cmdutil.TokenVariable)
	}
	return token.Info{ID: tok.ID(), Spec: token.Spec{Token: tok}}, err
}

func (o checkOptions) run(ctx context.Context, e *cli.Env, args []string) error {
	if err := o.validate(args); err != nil {
		return err
	}
	if o.endpoint != "" {
		return o.runAsNode(ctx, e, args)
	}
	wanted, err := o.argument(e, args)
	if err != nil {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	info, mismatch := getToken(ctx, client, wanted)
	if mismatch != nil && !errors.Is(mismatch, token.ErrOtherSecret) {
		return mismatch
	}
	object, problem := tokenCheck(info, mismatch, e.Now())
	if object.Signing {
		if document, err := clusterinfo.Fetch(ctx, client.Core); err == nil {
			problem = cli.JoinErrors(problem, checkSignature(&object, document, info, e.Now()))
		} else {
			object.Notes = append(object.Notes, "cannot check whether cluster-info is signed with it: "+kubeclient.Message(err))
		}
	}
	return cli.JoinErrors(e.Print(checkView(object, e.Now())), problem)
}

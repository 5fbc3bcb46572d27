package tokencmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

type checkOptions struct {
	tokenFile, endpoint string
	trust               cmdutil.TrustFlags
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
		ValidArgsFunction: completeTokens(e, 1),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), e, args) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o checkOptions) validate(args []string) error {
	id, err := cmdutil.TokenName(strings.Join(args, ""))
	return cmp.Or(
		cli.UsageIf(o.endpoint == "" && o.trust.Given(), "--ca-cert-hash, --ca-file and --unsafe-skip-ca-verification go with --endpoint"),
		cli.UsageIf(o.endpoint == "" && len(args) == 1 && o.tokenFile != "", "a token was named and --token-file given, too"),
		cli.UsageIf(o.endpoint != "" && id != "", "with --endpoint it takes the whole token: give --token-file"),
		err,
	)
}

// argument reads the token that is meant.
func (o checkOptions) argument(e *cli.Env, args []string) (token.Info, error) {
	if len(args) == 1 {
		return namedToken(e, args[0])
	}
	tok, err := cmdutil.NodeToken(e, o.tokenFile, "")
	if errors.Is(err, cmdutil.ErrNoToken) {
		err = fmt.Errorf("%w: name a token by its ID, give --token-file, or set %s", failure.ErrUsage, cmdutil.TokenVariable)
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
	object, unfit := tokenCheck(info, mismatch, e.Now())
	if object.Signing {
		if document, err := clusterinfo.Fetch(ctx, client.Core); err == nil {
			unfit = cli.JoinErrors(unfit, checkSignature(&object, document, info, e.Now()))
		} else {
			object.Notes = append(object.Notes, "whether cluster-info is signed with it cannot be said: "+err.Error())
		}
	}
	return cli.JoinErrors(e.Print(checkView(object, e.Now())), unfit)
}

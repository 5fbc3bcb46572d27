package tokencmd

import (
	"context"
	"fmt"
	"slices"
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
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

type createOptions struct {
	end         expiryOptions
	usages      []string
	groups      []string
	description string
	tokenFile   string
	allowWeak   bool
	count       int
	joinCommand string
	wait        bool
	timeout     time.Duration
	dryRun      string
}

func (o *createOptions) addFlags(fs *pflag.FlagSet) {
	o.end.addFlags(fs, " (default "+defaultTTL+")")
	fs.StringSliceVar(&o.usages, "usages", []string{token.Signing, token.Authentication}, "what the token is for")
	fs.StringSliceVar(&o.groups, "groups", nil, "what the token authenticates as, beside system:bootstrappers (default "+token.DefaultGroup+")")
	fs.StringVar(&o.description, "description", "", "what the token is for, in words")
	fs.StringVar(&o.tokenFile, "token-file", "", "create the token in this `file` (- is stdin) instead of a random one")
	fs.BoolVar(&o.allowWeak, "allow-weak", false, "take a token that others may know or guess")
	fs.IntVar(&o.count, "count", 0, "create this `number` of random tokens, and print a list")
	cli.AddChoice(fs, &o.joinCommand, "print-join-command", "print the command that joins a node with the token, that of bootctl or of kubeadm", programBootctl, programKubeadm)
	fs.BoolVar(&o.wait, "wait", false, "return when cluster-info is signed with the token")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "with --wait, give up after this long")
	cli.Requires(fs, "wait", "timeout")
	cli.AddChoice(fs, &o.dryRun, "dry-run", "create nothing: check it here, or let the API server check it, too", dryRunClient, dryRunServer)
	cli.RejectFlags(fs, map[string]string{
		"certificate-key": cli.NoControlPlane,
		"config":          "bootctl takes its answers from flags: --ttl, --usages, --groups, --description and --token-file",
	})
}

func newCreate(e *cli.Env) *cobra.Command {
	var o createOptions
	cmd := &cobra.Command{
		Use:   "create [TOKEN]",
		Short: "Create bootstrap tokens",
		Long: `Creates a bootstrap token and prints it: a random one, or the one in --token-file,
which is refused when others may know or guess it. A token that exists is never
replaced. If the token cannot be printed it is deleted again.

With --count it creates many, at once; -o json is then a list. With --wait it
returns when nodes can verify the cluster with the token, and says what is wrong
with the bootstrap signer when that takes longer than --timeout: the token is there
then, and printed, and the exit code is 4.

-o bootstrap-kubeconfig prints the file that the kubelet's --bootstrap-kubeconfig
takes: the API server's address, its CA and the token.

Needs create on secrets in kube-system, and get and delete to look after what was
interrupted or cannot be printed. With --print-join-command, --wait or
-o bootstrap-kubeconfig also get on the configmap cluster-info in kube-public.`,
		Example: `  bootctl token create --ttl 2h --print-join-command
  bootctl token create --description "for rack 7" --count 40 --wait -o json > tokens.json
  bootctl token create --ttl 15m -o bootstrap-kubeconfig > bootstrap-kubelet.conf`,
		Args:        cobra.MaximumNArgs(1),
		Annotations: map[string]string{cli.FormatsAnnotation: formatBootstrapKubeconfig},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.count == 0 && cmd.Flags().Changed("count") {
				return fmt.Errorf("%w: --count 0 is not between 1 and %d", failure.ErrUsage, maxCount)
			}
			return runCreate(cmd.Context(), e, o, args)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	cli.CompleteValues(cmd, "usages", token.Signing, token.Authentication)
	cli.CompleteValues(cmd, "print-join-command", programBootctl, programKubeadm)
	cli.CompleteValues(cmd, "dry-run", dryRunClient, dryRunServer)
	return cmd
}

func runCreate(ctx context.Context, e *cli.Env, o createOptions, args []string) error {
	given := len(args) == 1 || o.tokenFile != ""
	if err := o.check(e.Global, given); err != nil {
		return err
	}
	spec, err := o.spec(e, args)
	if err != nil {
		return err
	}
	maker := tokenCreator{env: e, spec: spec, random: !given}
	var document clusterinfo.Document
	if o.dryRun != dryRunClient || o.needsDocument(e.Global.Output) {
		if maker.client, err = e.Client(); err != nil {
			return err
		}
	}
	if o.needsDocument(e.Global.Output) { // before anything is created that could not be printed with it
		if _, document, err = cmdutil.ReadClusterInfo(ctx, maker.client); err != nil {
			return err
		}
	}
	n := max(1, o.count)
	if err := o.rehearse(e, slices.Repeat([]token.Info{token.Read(spec.Secret())}, n), document); err != nil {
		return err
	}
	created, createErr := maker.make(ctx, n, o.dryRun)
	if len(created) == 0 {
		return createErr
	}
	warnOfTokens(e, created, o.dryRun)
	if o.wait && createErr == nil {
		createErr = waitSigned(e, ctx, maker.client, created, o.timeout)
	}
	v, err := o.view(e, created, document, o.wait && createErr == nil)
	if err == nil {
		err = e.Print(v)
	}
	if err != nil && o.dryRun == "" {
		return cli.JoinErrors(err, maker.rollback(ctx, created))
	}
	return cli.JoinErrors(err, createErr)
}

// check returns an error when the flags do not fit together.
func (o createOptions) check(global cli.GlobalOptions, given bool) error {
	both := slices.Contains(o.usages, token.Signing) && slices.Contains(o.usages, token.Authentication)
	kubeconfig := global.Output == formatBootstrapKubeconfig
	problem := ""
	switch {
	case o.joinCommand != "" && !both:
		problem = "a node joins with a token of both usages only, so --print-join-command needs both"
	case kubeconfig && !slices.Contains(o.usages, token.Authentication):
		problem = "-o " + formatBootstrapKubeconfig + " needs the usage " + token.Authentication
	case o.wait && !slices.Contains(o.usages, token.Signing):
		problem = "nothing is signed with a token without the usage " + token.Signing + ", so --wait would wait for ever"
	case o.wait && o.dryRun != "":
		problem = "nothing is created in a dry run, so there is nothing to --wait for"
	case o.wait && o.timeout <= 0:
		problem = fmt.Sprintf("--timeout %s leaves no time", o.timeout)
	case o.count < 0 || o.count > maxCount:
		problem = fmt.Sprintf("--count %d is not between 1 and %d", o.count, maxCount)
	case o.count > 0 && given:
		problem = "--count is of random tokens, and one was given"
	case o.count > 0 && kubeconfig:
		problem = "-o " + formatBootstrapKubeconfig + " is of one token, without --count"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s", failure.ErrUsage, problem)
}

const (
	defaultTTL = "24h"
	maxCount   = 10000 // cluster-info has room for little more
)

// spec reads the flags, before anything is sent.
func (o createOptions) spec(e *cli.Env, args []string) (token.Spec, error) {
	spec := token.Spec{Usages: o.usages, Groups: o.groups, Description: o.description}
	if o.groups == nil && slices.Contains(o.usages, token.Authentication) {
		spec.Groups = []string{token.DefaultGroup}
	}
	var err error
	if spec.Expires, err = o.end.time(e.Now(), defaultTTL); err != nil {
		return spec, err
	}
	switch {
	case len(args) == 1 && o.tokenFile != "":
		return spec, fmt.Errorf("%w: a token was given and --token-file, too", failure.ErrUsage)
	case len(args) == 1 && slices.Contains([]string{programBootctl, programKubeadm, dryRunClient, dryRunServer}, args[0]):
		return spec, fmt.Errorf("%w: %s is no token; a value of --print-join-command or --dry-run is joined to it with =", failure.ErrUsage, args[0])
	case len(args) == 1:
		spec.Token, err = cmdutil.PlainToken(e, args[0])
	case o.tokenFile != "":
		spec.Token, err = cmdutil.ReadToken(e, o.tokenFile)
	default:
		o.allowWeak = true
		spec.Token, err = token.Generate(e.Random)
	}
	if err == nil && !o.allowWeak {
		err = spec.Token.CheckStrength()
	}
	if err != nil {
		return spec, err
	}
	return spec, spec.Validate()
}

// warnOfTokens says what whoever made the tokens should know.
func warnOfTokens(e *cli.Env, created []token.Info, dryRun string) {
	first := created[0]
	if dryRun != "" {
		e.Warn("nothing was created: this is a dry run")
	}
	if first.Expires.IsZero() {
		e.Warn("the token " + neverExpires)
	}
	if behind := first.Created.Sub(e.Now()); !first.Created.IsZero() && behind.Abs() > time.Minute {
		e.Warn(fmt.Sprintf("the clock of this machine is %s the API server's, which decides when the token expires", discovery.Skew(behind)))
	}
}

func waitSigned(e *cli.Env, ctx context.Context, client *kubeclient.Client, created []token.Info, timeout time.Duration) error {
	tokens := make([]token.Token, 0, len(created))
	for _, info := range created {
		tokens = append(tokens, info.Token)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return clusterinfo.SignedWait{Client: client.Core, Now: e.Now, Observer: e.Observe}.Until(ctx, tokens)
}

// rehearse returns an error when tokens like these cannot be printed as asked.
func (o createOptions) rehearse(e *cli.Env, alike []token.Info, document clusterinfo.Document) error {
	v, err := o.view(e, alike, document, false)
	if err == nil {
		_, err = v.Render(e.Global)
	}
	if err != nil {
		return fmt.Errorf("%w: nothing was created, since it could not be printed: %w", failure.ErrUsage, err)
	}
	return nil
}

// view is what is printed of the tokens that were created.
func (o createOptions) view(e *cli.Env, created []token.Info, document clusterinfo.Document, signed bool) (cli.Result, error) {
	list := output.TokenList{Meta: output.Kind("TokenList"), Items: make([]output.TokenInfo, 0, len(created))}
	v := cli.Result{}
	var text strings.Builder
	for _, info := range created {
		item := cmdutil.TokenInfo(info, e.Now())
		item.Token, item.Signed, item.DryRun = info.Token.Reveal(), signed, o.dryRun
		line := item.Token
		if o.joinCommand != "" {
			item.JoinCommand = joinCommand(o.joinCommand, document, info.Token)
			line = item.JoinCommand
		}
		list.Items = append(list.Items, item)
		v.Names = append(v.Names, cmdutil.TokenReference(item.ID))
		text.WriteString(line + "\n")
	}
	v.Text, v.Object = text.String(), list
	if o.count > 0 {
		return v, nil
	}
	v.Object = output.Token{Meta: output.Kind("Token"), TokenInfo: list.Items[0]}
	if e.Global.Output != formatBootstrapKubeconfig {
		return v, nil
	}
	kubeconfig, err := clusterinfo.BootstrapKubeconfig(document.Server, document.CAs, created[0].Token)
	v.Formats = map[string]string{formatBootstrapKubeconfig: string(kubeconfig)}
	return v, err
}

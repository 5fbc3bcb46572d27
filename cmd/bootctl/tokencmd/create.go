package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

type tokenCreateOptions struct {
	end         endOptions
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

func (o *tokenCreateOptions) addFlags(fs *pflag.FlagSet) {
	o.end.addFlags(fs, " (default "+defaultTTL+")")
	fs.StringSliceVar(&o.usages, "usages", []string{token.Signing, token.Authentication}, "what the token is for")
	fs.StringSliceVar(&o.groups, "groups", nil, "what the token authenticates as, beside system:bootstrappers (default "+token.DefaultGroup+")")
	fs.StringVar(&o.description, "description", "", "what the token is for, in words")
	fs.StringVar(&o.tokenFile, "token-file", "", "create the token in this `file` (- is stdin) instead of a random one")
	fs.BoolVar(&o.allowWeak, "allow-weak", false, "take a token that others may know or guess")
	fs.IntVar(&o.count, "count", 0, "create this `number` of random tokens, and print a list")
	addChoice(fs, &o.joinCommand, "print-join-command", "print the command that joins a node with the token, that of bootctl or of kubeadm", programBootctl, programKubeadm)
	fs.BoolVar(&o.wait, "wait", false, "return when cluster-info is signed with the token")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "with --wait, give up after this long")
	needs(fs, "wait", "timeout")
	addChoice(fs, &o.dryRun, "dry-run", "create nothing: check it here, or let the API server check it, too", dryRunClient, dryRunServer)
	refuse(fs, map[string]string{
		"certificate-key": noControlPlane,
		"config":          "bootctl takes its answers from flags: --ttl, --usages, --groups, --description and --token-file",
	})
}

func newTokenCreate(e *env) *cobra.Command {
	var o tokenCreateOptions
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
		Annotations: map[string]string{formatsAnnotation: formatBootstrapKubeconfig},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.count == 0 && cmd.Flags().Changed("count") {
				return fmt.Errorf("%w: --count 0 is not between 1 and %d", failure.ErrUsage, maxCount)
			}
			return runTokenCreate(cmd.Context(), e, o, args)
		},
	}
	o.addFlags(cmd.Flags())
	e.addConnectionFlags(cmd)
	complete(cmd, "usages", token.Signing, token.Authentication)
	complete(cmd, "print-join-command", programBootctl, programKubeadm)
	complete(cmd, "dry-run", dryRunClient, dryRunServer)
	return cmd
}

func runTokenCreate(ctx context.Context, e *env, o tokenCreateOptions, args []string) error {
	given := len(args) == 1 || o.tokenFile != ""
	if err := o.check(e.global, given); err != nil {
		return err
	}
	spec, err := o.spec(e, args)
	if err != nil {
		return err
	}
	maker := tokenMaker{env: e, spec: spec, random: !given}
	var document clusterinfo.Document
	if o.dryRun != dryRunClient || o.needsDocument(e.global.output) {
		if maker.client, err = e.client(); err != nil {
			return err
		}
	}
	if o.needsDocument(e.global.output) { // before anything is created that could not be printed with it
		if _, document, err = readClusterInfo(ctx, maker.client); err != nil {
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
	e.warnOfTokens(created, o.dryRun)
	if o.wait && createErr == nil {
		createErr = e.waitSigned(ctx, maker.client, created, o.timeout)
	}
	v, err := o.view(e, created, document, o.wait && createErr == nil)
	if err == nil {
		err = e.print(v)
	}
	if err != nil && o.dryRun == "" {
		return both(err, maker.unmake(ctx, created))
	}
	return both(err, createErr)
}

// check returns an error when the flags do not fit together.
func (o tokenCreateOptions) check(global globalOptions, given bool) error {
	both := slices.Contains(o.usages, token.Signing) && slices.Contains(o.usages, token.Authentication)
	kubeconfig := global.output == formatBootstrapKubeconfig
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
func (o tokenCreateOptions) spec(e *env, args []string) (token.Spec, error) {
	spec := token.Spec{Usages: o.usages, Groups: o.groups, Description: o.description}
	if o.groups == nil && slices.Contains(o.usages, token.Authentication) {
		spec.Groups = []string{token.DefaultGroup}
	}
	var err error
	if spec.Expires, err = o.end.time(e.now(), defaultTTL); err != nil {
		return spec, err
	}
	switch {
	case len(args) == 1 && o.tokenFile != "":
		return spec, fmt.Errorf("%w: a token was given and --token-file, too", failure.ErrUsage)
	case len(args) == 1 && slices.Contains([]string{programBootctl, programKubeadm, dryRunClient, dryRunServer}, args[0]):
		return spec, fmt.Errorf("%w: %s is no token; a value of --print-join-command or --dry-run is joined to it with =", failure.ErrUsage, args[0])
	case len(args) == 1:
		spec.Token, err = e.plainToken(args[0])
	case o.tokenFile != "":
		spec.Token, err = e.readToken(o.tokenFile)
	default:
		o.allowWeak = true
		spec.Token, err = token.Generate(e.random)
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
func (e *env) warnOfTokens(created []token.Info, dryRun string) {
	first := created[0]
	if dryRun != "" {
		e.warn("nothing was created: this is a dry run")
	}
	if first.Expires.IsZero() {
		e.warn("the token " + neverExpires)
	}
	if behind := first.Created.Sub(e.now()); !first.Created.IsZero() && behind.Abs() > time.Minute {
		e.warn(fmt.Sprintf("the clock of this machine is %s the API server's, which decides when the token expires", clusterinfo.Skew(behind)))
	}
}

func (e *env) waitSigned(ctx context.Context, client *apiclient.Client, created []token.Info, timeout time.Duration) error {
	tokens := make([]token.Token, 0, len(created))
	for _, info := range created {
		tokens = append(tokens, info.Token)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return clusterinfo.SignedWait{Client: client.Core, Now: e.now, Cause: e.cause}.Until(ctx, tokens)
}

// rehearse returns an error when tokens like these cannot be printed as asked.
func (o tokenCreateOptions) rehearse(e *env, alike []token.Info, document clusterinfo.Document) error {
	v, err := o.view(e, alike, document, false)
	if err == nil {
		_, err = v.render(e.global)
	}
	if err != nil {
		return fmt.Errorf("%w: nothing was created, since it could not be printed: %w", failure.ErrUsage, err)
	}
	return nil
}

// view is what is printed of the tokens that were created.
func (o tokenCreateOptions) view(e *env, created []token.Info, document clusterinfo.Document, signed bool) (view, error) {
	list := output.TokenList{Meta: output.Kind("TokenList"), Items: make([]output.TokenInfo, 0, len(created))}
	v := view{}
	var text strings.Builder
	for _, info := range created {
		item := tokenInfo(info, e.now())
		item.Token, item.Signed, item.DryRun = info.Token.Reveal(), signed, o.dryRun
		line := item.Token
		if o.joinCommand != "" {
			item.JoinCommand = joinCommand(o.joinCommand, document, info.Token)
			line = item.JoinCommand
		}
		list.Items = append(list.Items, item)
		v.names = append(v.names, tokenReference(item.ID))
		text.WriteString(line + "\n")
	}
	v.text, v.object = text.String(), list
	if o.count > 0 {
		return v, nil
	}
	v.object = output.Token{Meta: output.Kind("Token"), TokenInfo: list.Items[0]}
	if e.global.output != formatBootstrapKubeconfig {
		return v, nil
	}
	kubeconfig, err := clusterinfo.BootstrapKubeconfig(document.Server, document.CAs, created[0].Token)
	v.formats = map[string]string{formatBootstrapKubeconfig: string(kubeconfig)}
	return v, err
}

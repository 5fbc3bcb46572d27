package tokencmd

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/token"
)

type createOptions struct {
	end                    expiryOptions
	usages, groups         []string
	description, tokenFile string
	allowWeak              bool
	count                  int
	many                   bool // whether --count was given, so that a list is printed
	joinCommand, dryRun    string
	wait                   bool
	timeout                time.Duration
}

func (o *createOptions) addFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	o.end.addFlags(fs, " (default "+defaultTTL+")")
	fs.StringSliceVar(&o.usages, "usages", []string{token.Signing, token.Authentication}, "what the token is for")
	fs.StringSliceVar(&o.groups, "groups", nil, "what the token authenticates as, beside system:bootstrappers (default "+token.DefaultGroup+")")
	fs.StringVar(&o.description, "description", "", "what the token is for, in words")
	fs.StringVar(&o.tokenFile, "token-file", "", "create the token in this `file` (- is stdin) instead of a random one")
	fs.BoolVar(&o.allowWeak, "allow-weak", false, "take a token that others may know or guess")
	fs.IntVar(&o.count, "count", 0, "create this `number` of random tokens, and print a list")
	cli.AddChoice(cmd, &o.joinCommand, "print-join-command", "print the command that joins a node with the token, that of bootctl or of kubeadm", programBootctl, programKubeadm)
	fs.BoolVar(&o.wait, "wait", false, "return when cluster-info is signed with the token")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "with --wait, give up after this long")
	cli.Requires(fs, "wait", "timeout")
	cli.AddChoice(cmd, &o.dryRun, "dry-run", "create nothing: check it here, or let the API server check it, too", dryRunClient, dryRunServer)
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
			o.many = cmd.Flags().Changed("count")
			return o.run(cmd.Context(), e, args)
		},
	}
	o.addFlags(cmd)
	cli.CompleteValues(cmd, "usages", token.Signing, token.Authentication)
	return cmd
}

// validate returns an error when the flags and arguments do not fit together.
func (o createOptions) validate(format string, args []string) error {
	signing, authentication := slices.Contains(o.usages, token.Signing), slices.Contains(o.usages, token.Authentication)
	kubeconfig, given := format == formatBootstrapKubeconfig, strings.Join(args, "")
	return cmp.Or(
		cli.UsageIf(o.joinCommand != "" && (!signing || !authentication),
			"a node joins with a token of both usages only, so --print-join-command needs both"),
		cli.UsageIf(kubeconfig && !authentication, "-o %s needs the usage %s", formatBootstrapKubeconfig, token.Authentication),
		cli.UsageIf(o.wait && !signing,
			"nothing is signed with a token without the usage %s, so --wait would wait for ever", token.Signing),
		cli.UsageIf(o.wait && o.dryRun != "", "nothing is created in a dry run, so there is nothing to --wait for"),
		cli.UsageIf(o.wait && o.timeout <= 0, "--timeout %s leaves no time", o.timeout),
		cli.UsageIf(o.many && (o.count < 1 || o.count > maxCount), "--count %d is not between 1 and %d", o.count, maxCount),
		cli.UsageIf(o.many && (len(args) == 1 || o.tokenFile != ""), "--count is of random tokens, and one was given"),
		cli.UsageIf(o.many && kubeconfig, "-o %s is of one token, without --count", formatBootstrapKubeconfig),
		cli.UsageIf(len(args) == 1 && o.tokenFile != "", "a token was given and --token-file, too"),
		cli.UsageIf(slices.Contains([]string{programBootctl, programKubeadm, dryRunClient, dryRunServer}, given),
			"%s is no token; a value of --print-join-command or --dry-run is joined to it with =", given),
		o.end.validate(),
	)
}

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
	expiry                 expiryOptions
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
	o.expiry.addFlags(fs, ". Defaults to "+defaultTTL)
	fs.StringSliceVar(&o.usages, "usages", []string{token.Signing, token.Authentication}, "what the token can be used for: signing, authentication, or both")
	fs.StringSliceVar(&o.groups, "groups", nil, "extra groups. Defaults to "+token.DefaultGroup)
	fs.StringVar(&o.description, "description", "", "description of the token")
	fs.StringVar(&o.tokenFile, "token-file", "", "create the token in `file` (- for stdin) instead of a random one")
	fs.BoolVar(&o.allowWeak, "allow-weak", false, "accept a token that others may know or guess")
	fs.IntVar(&o.count, "count", 0, "create `number` random tokens and print a list")
	cli.AddChoice(cmd, &o.joinCommand, "print-join-command", "print the command that joins a node, for bootctl or for kubeadm", programBootctl, programKubeadm)
	fs.BoolVar(&o.wait, "wait", false, "wait until cluster-info is signed with the token")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "maximum time for --wait")
	cli.Requires(fs, "wait", "timeout")
	cli.AddChoice(cmd, &o.dryRun, "dry-run", "create nothing; validate here (client), or also on the API server", dryRunClient, dryRunServer)
	cli.RejectFlags(fs, map[string]string{
		"certificate-key": cli.NoControlPlane,
		"config":          "bootctl reads no configuration file here; use --ttl, --usages, --groups, --description, and --token-file",
	})
}

func newCreate(e *cli.Env) *cobra.Command {
	var o createOptions
	cmd := &cobra.Command{
		Use:   "create [TOKEN]",
		Short: "Create bootstrap tokens",
		Long: `Create bootstrap tokens.

Creates a random token, or the one in --token-file, and prints it. A token that
others may know or guess is refused, and an existing token is never replaced. If
the token cannot be printed, it is deleted again.

With --count, creates several tokens and prints a list. With --wait, returns
when nodes can verify cluster-info with the token. Exits with code 4 if that
takes longer than --timeout; the token still exists and is printed.

--print-join-command passes the token to bootctl join in the environment, where
other users of the node cannot see it. -o bootstrap-kubeconfig prints a file for
the kubelet's --bootstrap-kubeconfig: the API server's address, its CA, and the
token.

Permissions:
  create on secrets in kube-system
  get and delete on secrets in kube-system, optional
  get on the configmap cluster-info in kube-public, with --wait

The optional permissions clean up after an error. --print-join-command and
-o bootstrap-kubeconfig also read cluster-info.`,
		Example: `  # Print the command that joins a node
  bootctl token create --ttl 2h --print-join-command

  # Create a token for each machine in a rack
  (umask 077; bootctl token create --description "for rack 7" --count 40 \
    --wait -o json > tokens.json)

  # Create a token and write it to a file that a node can join with
  (umask 077; bootctl token create --ttl 15m --wait \
    -o bootstrap-kubeconfig > bootstrap-kubelet.conf)`,
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

// validate returns an error if the flags and arguments cannot be used together.
func (o createOptions) validate(format string, args []string) error {
	signing, authentication := slices.Contains(o.usages, token.Signing), slices.Contains(o.usages, token.Authentication)
	kubeconfig, given := format == formatBootstrapKubeconfig, strings.Join(args, "")
	return cmp.Or(
		cli.UsageIf(o.joinCommand != "" && (!signing || !authentication),
			"--print-join-command requires the usages %s and %s", token.Signing, token.Authentication),
		cli.UsageIf(kubeconfig && !authentication, "-o %s requires the usage %s", formatBootstrapKubeconfig, token.Authentication),
		cli.UsageIf(o.wait && !signing, "--wait requires the usage %s", token.Signing),
		cli.UsageIf(o.wait && o.dryRun != "", "--wait and --dry-run cannot be used together"),
		cli.UsageIf(o.wait && o.timeout <= 0, "--timeout must be positive, not %s", o.timeout),
		cli.UsageIf(o.many && (o.count < 1 || o.count > maxCount), "--count %d is not between 1 and %d", o.count, maxCount),
		cli.UsageIf(o.many && (len(args) == 1 || o.tokenFile != ""), "--count creates random tokens: it cannot be used with TOKEN or --token-file"),
		cli.UsageIf(o.many && kubeconfig, "-o %s and --count cannot be used together", formatBootstrapKubeconfig),
		cli.UsageIf(len(args) == 1 && o.tokenFile != "", "TOKEN and --token-file cannot be used together"),
		cli.UsageIf(slices.Contains([]string{programBootctl, programKubeadm, dryRunClient, dryRunServer}, given),
			"%s is not a token; pass a value as --print-join-command=VALUE or --dry-run=VALUE", given),
		o.expiry.validate(),
	)
}

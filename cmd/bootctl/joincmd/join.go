package joincmd

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/pkg/join"
)

// options are the flags: some of them a join's own, and others from which those follow.
type options struct {
	join.Options
	endpoints []string
	trust     cmdutil.TrustFlags

	tokenFile, token, discoveryToken, tlsBootstrapToken string
	discoveryFile, bootstrapKubeconfig, config          string

	rootfs, outDir string
	timeout        time.Duration
	noProxy        bool
}

func (o *options) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.tokenFile, "token-file", "", "the bootstrap token is in this `file` (- is stdin); else $"+cmdutil.TokenVariable)
	fs.StringVar(&o.token, "token", "", "the bootstrap token, for every user of this machine to see")
	fs.StringVar(&o.discoveryToken, "discovery-token", "", "kubeadm's name for --token, for discovery alone")
	fs.StringVar(&o.tlsBootstrapToken, "tls-bootstrap-token", "", "kubeadm's name for --token, to ask for the certificate alone")
	o.trust.AddFlags(fs)
	fs.StringVar(&o.discoveryFile, "discovery-file", "", "the cluster is in the kubeconfig in this `file` or at this https URL")
	fs.StringVar(&o.bootstrapKubeconfig, "bootstrap-kubeconfig", "", "the cluster and who asks are in the kubelet's bootstrap kubeconfig in this `file`")
	fs.StringVar(&o.config, "config", "", "all this is in kubeadm's JoinConfiguration (v1beta4) in this `file`")
	fs.StringVar(&o.NodeName, "node-name", "", "the `name` of the node; else this machine's host name in lower case")
	fs.StringVar(&o.rootfs, "rootfs", "/", "write the kubelet's files below this `directory`")
	fs.StringVar(&o.outDir, "out-dir", "", "write the same files flat into this `directory` instead")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "give up after this long")
	fs.BoolVar(&o.NewKey, "new-key", false, "ask with a new key, when the request with the last one was denied or failed; a node that has joined keeps its own")
	fs.BoolVar(&o.Force, "force", false, "replace an identity of another node or cluster, or one that does not verify")
	fs.BoolVar(&o.noProxy, "no-proxy", false, "connect directly, whatever HTTPS_PROXY says")
	fs.BoolVar(&o.DryRun, "dry-run", false, "change nothing, here or in the cluster; without a token, check the identity that is here")
	addKubeadmAliases(fs)
}

// New returns the command join.
func New(e *cli.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "join [ENDPOINT...]",
		Short: "Take this machine to a signed node identity",
		Long: `Learns and verifies the cluster, asks for a client certificate under the node's
name, waits until it is approved and signed, checks it, and writes the files that
a kubelet starts from: etc/kubernetes/kubelet.conf and pki/ca.crt,
var/lib/kubelet/pki/kubelet-client-current.pem. The private key never leaves the
machine, and the token is written nowhere.

The cluster is learnt in one of these ways:
  ENDPOINT...             from cluster-info, with a token and pins or CA certificates;
                          of several endpoints, the first that verifies is used
  --discovery-file        from a kubeconfig with the cluster's address and CA
  --bootstrap-kubeconfig  from the kubelet's bootstrap kubeconfig, token included
  --config                from kubeadm's JoinConfiguration

The same command again completes what was begun, or checks the identity that is
there, for which it takes no token. While nobody has approved the request, the
fingerprint of its key is shown, to be read out to the administrator. After a denial
or failure, ask anew with --new-key, or let an administrator delete the request.

--dry-run checks the identity that is here, or does all of a join that changes
nothing. Without a token, as a probe, it ends with 0 while the identity is good and
with 4 when there is none or it does not verify any more.

Root is needed only to write to /. The token's group must be allowed to create
certificatesigningrequests; see setup.`,
		Example: `  bootctl join 192.0.2.1:6443 --token-file token --ca-cert-hash sha256:e2bd70c0e14c8d0e4b1e2c0b3a3f7a5d8c9b6a7f4e3d2c1b0a9f8e7d6c5b4a39
  bootctl join --bootstrap-kubeconfig bootstrap-kubelet.conf
  bootctl join --dry-run -o json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, endpoints []string) error {
			return o.run(cmd.Context(), e, cmd.Flags(), endpoints)
		},
	}
	o.addFlags(cmd.Flags())
	cli.AddRequestTimeout(cmd.Flags(), e.Connection.Timeout)
	return cmd
}

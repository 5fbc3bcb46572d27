package joincmd

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/pkg/join"
)

// options are the options of a join, and the flags from which they are derived.
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
	fs.StringVar(&o.tokenFile, "token-file", "", "bootstrap token `file` (- for stdin). Defaults to $"+cmdutil.TokenVariable)
	fs.StringVar(&o.token, "token", "", "bootstrap token, visible to every user of this machine")
	fs.StringVar(&o.discoveryToken, "discovery-token", "", "kubeadm's name for --token, used only for discovery")
	fs.StringVar(&o.tlsBootstrapToken, "tls-bootstrap-token", "", "kubeadm's name for --token, used only to request the certificate")
	o.trust.AddFlags(fs)
	fs.StringVar(&o.discoveryFile, "discovery-file", "", "kubeconfig `file` or https URL with the cluster's address and CA")
	fs.StringVar(&o.bootstrapKubeconfig, "bootstrap-kubeconfig", "", "bootstrap kubeconfig `file` of the kubelet, with the cluster and the credentials")
	fs.StringVar(&o.config, "config", "", "kubeadm JoinConfiguration `file` (v1beta4)")
	fs.StringVar(&o.NodeName, "node-name", "", "`name` of the node. Defaults to this machine's host name in lower case")
	fs.StringVar(&o.rootfs, "rootfs", "/", "write the kubelet's files under this root `directory`")
	fs.StringVar(&o.outDir, "out-dir", "", "write the same files into this `directory`, without subdirectories")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "maximum time for the join")
	fs.BoolVar(&o.NewKey, "new-key", false, "create a new key and CSR if the previous CSR was denied or failed")
	fs.BoolVar(&o.Force, "force", false, "replace node credentials that are invalid or belong to another node or cluster")
	fs.BoolVar(&o.noProxy, "no-proxy", false, "connect directly and ignore HTTPS_PROXY")
	fs.BoolVar(&o.DryRun, "dry-run", false, "change nothing; without a token, check the existing node credentials")
	addKubeadmAliases(fs)
	cli.GroupFlags(fs, "Cluster and Trust Flags", "token-file", "token", "discovery-token", "tls-bootstrap-token", "discovery-file",
		"bootstrap-kubeconfig", "config", "ca-cert-hash", "ca-file", "unsafe-skip-ca-verification", "no-proxy")
	cli.GroupFlags(fs, "Node Flags", "node-name", "rootfs", "out-dir", "new-key", "force")
}

const help = `Join this machine to a cluster and write the kubelet's files.

Discovers and verifies the cluster, submits a CSR for the node's client
certificate, waits until it is approved and signed, verifies the certificate,
and writes the files that a kubelet needs to start:
etc/kubernetes/kubelet.conf, etc/kubernetes/pki/ca.crt, and
var/lib/kubelet/pki/kubelet-client-current.pem. The private key never leaves
this machine, and the token is not written to disk. Root is needed only to write
to /.

bootctl discovers the cluster in one of these ways:

  ENDPOINT...             from cluster-info, with a token and pins or CAs
  --discovery-file        from a kubeconfig with the cluster's address and CA
  --bootstrap-kubeconfig  from the kubelet's bootstrap kubeconfig and its token
  --config                from a kubeadm JoinConfiguration

Of several endpoints, bootctl uses the first that verifies.

Run the same command again to resume an interrupted join, or to check a
completed one, which needs no token. While the CSR is pending, join prints its
key fingerprint, which the administrator can compare. If the CSR was denied or
failed, use --new-key or ask an administrator to delete the CSR. A node that has
joined keeps its key.

--dry-run checks existing node credentials, or performs the steps of a join that
change nothing. Without a token, it is a probe for monitoring: it exits with
code 0 while the node's certificate is valid, and with code 4 if the certificate
is missing or no longer valid.

Permissions:
  create, get, and watch on certificatesigningrequests, for the token's group

bootctl setup grants them.`

// New returns the command join.
func New(e *cli.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "join [ENDPOINT...]",
		Short: "Join this machine to a cluster and write the kubelet's files",
		Long:  help,
		Example: `  # Join with a token and the pin of the cluster's CA
  bootctl join 192.0.2.1:6443 --token-file token --ca-cert-hash \
    sha256:e2bd70c0e14c8d0e4b1e2c0b3a3f7a5d8c9b6a7f4e3d2c1b0a9f8e7d6c5b4a39

  # Read the token from the environment
  BOOTCTL_TOKEN=$(cat token) bootctl join 192.0.2.1:6443 --ca-file ca.crt

  # Join with a bootstrap kubeconfig
  bootctl join --bootstrap-kubeconfig bootstrap-kubelet.conf

  # Join with the configuration file of kubeadm join
  bootctl join --config join.yaml

  # Write the files into the image of another machine, mounted at /mnt
  bootctl join 192.0.2.1:6443 --token-file token --ca-file ca.crt \
    --node-name worker-1 --rootfs /mnt

  # Check the node credentials of this machine
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

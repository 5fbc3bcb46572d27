// Package joincmd has the command bootctl join.
package joincmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

type options struct {
	tokenFile           string
	token               string
	discoveryToken      string
	tlsBootstrapToken   string
	trust               cmdutil.TrustFlags
	discoveryFile       string
	bootstrapKubeconfig string
	config              string
	nodeName            string
	rootfs              string
	outDir              string
	timeout             time.Duration
	newKey              bool
	force               bool
	noProxy             bool
	dryRun              bool
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
	fs.StringVar(&o.nodeName, "node-name", "", "the `name` of the node; else this machine's host name in lower case")
	fs.StringVar(&o.rootfs, "rootfs", "/", "write the kubelet's files below this `directory`")
	fs.StringVar(&o.outDir, "out-dir", "", "write the same files flat into this `directory` instead")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "give up after this long")
	fs.BoolVar(&o.newKey, "new-key", false, "ask with a new key, when the request with the last one was denied or failed; a node that has joined keeps its own")
	fs.BoolVar(&o.force, "force", false, "replace an identity of another node or cluster, or one that does not verify")
	fs.BoolVar(&o.noProxy, "no-proxy", false, "connect directly, whatever HTTPS_PROXY says")
	fs.BoolVar(&o.dryRun, "dry-run", false, "change nothing, here or in the cluster; without a token, check the identity that is here")
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
			return runJoin(cmd.Context(), e, o, cmd.Flags(), endpoints)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddRequestTimeout(cmd.Flags())
	return cmd
}

func runJoin(ctx context.Context, e *cli.Env, o options, fs *pflag.FlagSet, endpoints []string) error {
	e.AtNode = true
	if err := e.RequireUnix("join"); err != nil {
		return err
	}
	layout, err := o.layout(fs.Changed("rootfs"))
	if err != nil {
		return err
	}
	endpoints, err = o.readConfig(e, endpoints, fs.Changed("timeout"))
	if err != nil {
		return err
	}
	if o.timeout <= 0 {
		return fmt.Errorf("%w: --timeout %s leaves no time", failure.ErrUsage, o.timeout)
	}
	opts, missing, err := o.joinSource(e, endpoints)
	if err != nil {
		return err
	}
	if opts.NodeName, err = o.name(e, opts, missing); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	steps := &joinSteps{env: e, dryRun: o.dryRun}
	stop := e.StartStatusLine(steps.line)
	stopReminding := cli.Tick(time.Second, steps.remind)
	opts.Layout, opts.Random, opts.Observer = layout, e.Random, steps.observe
	opts.NewKey, opts.Force, opts.DryRun = o.newKey, o.force, o.dryRun
	result, err := join.Run(ctx, opts)
	stopReminding()
	if err == nil {
		steps.end()
	}
	stop()
	switch {
	case err == nil:
		cmdutil.WarnOfOthers(e, result.Others)
		return e.Print(joinView(result, layout, steps.done))
	case missing != nil && !o.dryRun && errors.Is(err, join.ErrNotJoined):
		return missing
	}
	return err
}

// layout returns where the files go, as absolute paths.
func (o options) layout(rootfsGiven bool) (join.Layout, error) {
	if o.outDir != "" && rootfsGiven {
		return join.Layout{}, fmt.Errorf("%w: --rootfs and --out-dir were both given", failure.ErrUsage)
	}
	if o.outDir != "" {
		dir, err := filepath.Abs(o.outDir)
		return join.OutDir(dir), err
	}
	root, err := filepath.Abs(o.rootfs)
	return join.RootFS(root), err
}

// name returns the name of the node: the host name unless another is given. What
// only checks an identity takes it under the name that it has.
func (o options) name(e *cli.Env, opts join.Options, missing error) (string, error) {
	name := o.nodeName
	if name == "" && missing == nil {
		hostname, err := e.Hostname()
		if err != nil {
			return "", fmt.Errorf("find the host name: %w", err)
		}
		name = strings.ToLower(hostname)
	}
	if tok := opts.Discovery.Token; !tok.IsZero() && strings.Contains(name, tok.Secret()) {
		return "", fmt.Errorf("%w: the token stands in --node-name, which everyone may read", failure.ErrUsage)
	}
	return name, nil
}

func joinView(r join.Result, layout join.Layout, steps []output.JoinStep) cli.Result {
	object := output.JoinResult{
		Meta:          output.Kind("JoinResult"),
		State:         joinState(r),
		AlreadyJoined: r.AlreadyJoined,
		NodeName:      r.NodeName,
		Server:        r.Server.URL(),
		Pins:          clusterinfo.PinTexts(r.Roots),
		Request:       r.RequestName,
		Username:      r.Username,
		Groups:        r.Groups,
		Kubeconfig:    layout.Kubeconfig(),
		Certificate:   layout.Current(),
		CAFile:        layout.CA(),
		Repaired:      r.Repaired,
		Steps:         steps,
	}
	rows := [][]string{
		{"state", strings.ReplaceAll(object.State, "-", " ")}, {"server", object.Server}, {"CA", strings.Join(object.Pins, " ")},
	}
	if object.Request != "" {
		rows = append(rows, []string{"request", object.Request})
	}
	if cert := r.Certificate; cert != nil {
		object.Fingerprint, object.Issuer = csr.Fingerprint(cert.PublicKey), cert.Issuer.String()
		object.NotBefore, object.NotAfter = cert.NotBefore.UTC(), cert.NotAfter.UTC()
		rows = append(rows, [][]string{
			{"authenticates as", object.Username}, {"in groups", strings.Join(object.Groups, ", ")},
			{"certificate", object.Certificate}, {"issued by", object.Issuer},
			{"valid", object.NotBefore.Format(time.RFC3339) + " to " + object.NotAfter.Format(time.RFC3339)},
			{"key", object.Fingerprint},
		}...)
	}
	rows = append(rows, []string{"kubeconfig", object.Kubeconfig})
	if len(object.Repaired) > 0 {
		rows = append(rows, []string{"mended", strings.Join(object.Repaired, " ")})
	}
	return cli.Result{Object: object, Names: []cli.Name{{GroupKind: schema.GroupKind{Kind: "Node"}, Name: r.NodeName, Bare: r.NodeName}}, Header: []string{"NODE", object.NodeName}, Rows: rows}
}

// joinState is how it stands with the node.
func joinState(r join.Result) string {
	switch {
	case r.AlreadyJoined:
		return "joined-already"
	case r.Certificate != nil:
		return "joined"
	case r.Requested:
		return "would-go-on-waiting"
	}
	return "would-join"
}

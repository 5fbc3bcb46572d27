package doctorcmd

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/setup"
)

type options struct {
	rbac      cmdutil.RBACFlags
	trust     cmdutil.TrustFlags
	endpoint  string
	tokenFile string
	probe     bool
	strict    bool
	timeout   time.Duration
}

func (o *options) addFlags(fs *pflag.FlagSet) {
	o.rbac.AddFlags(fs, "that you passed to setup: nodes (automatic) or none (manual)",
		setup.AutoApproveNodes, setup.AutoApproveNone)
	fs.BoolVar(&o.probe, "probe", false, "also perform a complete join with a temporary token and CSR")
	fs.StringVar(&o.endpoint, "endpoint", "", "check as a node at this `address`, without a kubeconfig")
	fs.StringVar(&o.tokenFile, "token-file", "", "with --endpoint, bootstrap token `file` (- for stdin). Defaults to $"+cmdutil.TokenVariable)
	o.trust.AddFlags(fs)
	fs.BoolVar(&o.strict, "strict", false, "exit with code 5 also if a check has status WARN")
	fs.DurationVar(&o.timeout, "timeout", time.Minute, "maximum time for the checks and the probe")
	cli.Requires(fs, "endpoint", "token-file")
}

// check returns an error if the flags cannot be combined.
func (o options) check(fs *pflag.FlagSet) error {
	_, err := o.rbac.Objects()
	return cmp.Or(
		cli.UsageIf(o.timeout <= 0, "--timeout must be positive, not %s", o.timeout),
		cli.UsageIf(o.endpoint != "" && o.probe, "--probe and --endpoint cannot be used together"),
		cli.UsageIf(o.endpoint != "" && (fs.Changed("group") || fs.Changed("auto-approve")),
			"--group and --auto-approve cannot be used with --endpoint"),
		cli.UsageIf(o.endpoint == "" && !o.probe && o.trust.Given(),
			"--ca-cert-hash, --ca-file, and --unsafe-skip-ca-verification require --endpoint or --probe"),
		cli.UsageIf(o.probe && o.trust.UnsafeSkip,
			"--probe sends a token, so it cannot be used with --unsafe-skip-ca-verification"),
		err,
	)
}

// node returns the checks of a node, which can have a token.
func (o options) node(e *cli.Env) (doctor.Node, error) {
	opts, err := o.trust.Discovery(e, []string{o.endpoint}, o.tokenFile, "")
	if errors.Is(err, cmdutil.ErrNoToken) {
		err = nil
	}
	return doctor.Node{Discovery: opts}, err
}

// prober returns the probe, which trusts the CA of the kubeconfig unless the flags specify
// another.
func (o options) prober(e *cli.Env, c doctor.Cluster) (doctor.Probe, error) {
	trust, err := o.trust.DiscoveryOptions(e, nil)
	if !o.trust.Given() {
		trust.CAs = c.CAs
	}
	return doctor.Probe{
		Client: c.Client, Pins: trust.Pins, CAs: trust.CAs, NodeClient: trust.Client, Setup: o.rbac.Options, Random: e.Random,
		Observer: e.Observe,
	}, err
}

// adminCluster returns the cluster of the administrator's kubeconfig.
func adminCluster(e *cli.Env, config cli.AdminConfig, wanted setup.Options) (doctor.Cluster, error) {
	clock := &discovery.Clock{Now: e.Now}
	config.Options = clock.Watch(config.Options)
	client, err := e.ClientOf(config)
	if err != nil {
		return doctor.Cluster{}, err
	}
	if err := rest.LoadTLSFiles(config.Rest); err != nil {
		return doctor.Cluster{}, fmt.Errorf("%w: %w", failure.ErrInvalidKubeconfig, err)
	}
	c := doctor.Cluster{Client: client, Clock: clock, Address: config.Rest.Host, Setup: wanted, NodeClient: e.ClientOptions("")}
	c.Server, _ = clusterinfo.ParseEndpoint(config.Rest.Host) // empty if it is more than a host and a port
	c.CAs, _ = certutil.ParseCertsPEM(config.Rest.CAData)     // none if the system's CAs, or nothing, verify the connection
	return c, nil
}

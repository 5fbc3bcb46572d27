package doctorcmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
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
	o.rbac.AddFlags(fs, "nodes: new nodes are meant to get their certificates at once; none: a person is meant to approve each",
		setup.AutoApproveNodes, setup.AutoApproveNone)
	fs.BoolVar(&o.probe, "probe", false, "also make a token and a request, follow them to a certificate, and remove both")
	fs.StringVar(&o.endpoint, "endpoint", "", "see what a node sees at this `address`, without a kubeconfig")
	fs.StringVar(&o.tokenFile, "token-file", "", "with --endpoint, the node's token is in this `file` (- is stdin); else $"+cmdutil.TokenVariable)
	o.trust.AddFlags(fs)
	fs.BoolVar(&o.strict, "strict", false, "fail for a WARN, too")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "give up on the checks after this long; a step of the probe takes half a minute at most")
	cli.Requires(fs, "endpoint", "token-file")
}

// check returns an error if the flags cannot be combined.
func (o options) check(fs *pflag.FlagSet) error {
	problem := ""
	switch {
	case o.timeout <= 0:
		problem = fmt.Sprintf("--timeout %s leaves no time", o.timeout)
	case o.endpoint != "" && o.probe:
		problem = "--probe takes an administrator, and --endpoint is the view of a node"
	case o.endpoint != "" && (fs.Changed("group") || fs.Changed("auto-approve")):
		problem = "a node does not see --group and --auto-approve"
	case o.endpoint == "" && !o.probe && o.trust.Given():
		problem = "pins and CAs are what a node verifies with: give --endpoint or --probe, too"
	case o.probe && o.trust.UnsafeSkip:
		problem = "--probe sends a token, so it takes a CA or a pin, and not --unsafe-skip-ca-verification"
	}
	if problem != "" {
		return fmt.Errorf("%w: %s", failure.ErrUsage, problem)
	}
	_, err := o.rbac.Objects()
	return err
}

// New returns the command doctor.
func New(e *cli.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether nodes can join, and if not, why not",
		Long: `Looks at all that a joining node needs, and changes nothing. Each check is a line
with OK, WARN or FAIL, a reason code that stays the same, the evidence, and below it
the remedy. What cannot be known is OK, and says so. Exit code 5 when a check is
FAIL, with --strict also when one is WARN; -o name prints the names of those checks
that are not OK.

--group and --auto-approve say what was meant by setup, and stand in the remedies.

--probe proves the whole chain: it makes a token that ends after ten minutes, does
with it what a joining node does, up to a certificate that it tries, and removes the
token and the request again, also when it is interrupted.

--endpoint takes no kubeconfig and sees what a node sees. With a token and pins or
CAs it also tries the token; without, nothing is sent but requests for cluster-info.

A token of the cluster is tried where the CA in the kubeconfig verifies the
connection, and nowhere else. Requests are grouped by who made them, their signer
and what they wait for; at most 50 access reviews tell who would be approved.

Needs the rights of a cluster administrator: get on the configmaps cluster-info and
extension-apiserver-authentication, on setup's RBAC, on the clusterroles that it
binds and on roles in kube-public; list on secrets in kube-system, rolebindings,
clusterrolebindings and certificatesigningrequests; create on subjectaccessreviews. A check that lacks one is WARN, and the others go on.
A probe also needs create and delete on those secrets, and delete on
certificatesigningrequests; a node needs nothing.`,
		Example: `  bootctl doctor
  bootctl doctor --probe
  bootctl doctor --endpoint 192.0.2.1:6443 --token-file token --ca-cert-hash sha256:e2bd70c0e14c8d0e4b1e2c0b3a3f7a5d8c9b6a7f4e3d2c1b0a9f8e7d6c5b4a39
  bootctl doctor --auto-approve none --strict -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd.Flags()); err != nil {
				return err
			}
			return runDoctor(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	o.rbac.CompleteFlags(cmd)
	return cmd
}

func runDoctor(ctx context.Context, e *cli.Env, o options) error {
	findings, err := o.run(ctx, e)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // interrupted, so it is no diagnosis
		if n := len(findings); o.probe && n > 0 {
			reportCleanup(e, findings[n-1])
		}
		return err
	}
	report := newReport(e, findings)
	if err := e.Print(doctorView(report)); err != nil {
		return err
	}
	return o.verdict(report)
}

// reportCleanup reports whether a probe that was interrupted has left something.
func reportCleanup(e *cli.Env, last doctor.Finding) {
	switch {
	case last.Reason == doctor.ProbeLeft:
		e.Warn(last.Evidence + "; remove it with: " + last.Remedy)
	case last.Check == doctor.CleanUp:
		e.Progress(last.Evidence)
	}
}

// run checks the cluster as a node or as its administrator.
func (o options) run(ctx context.Context, e *cli.Env) ([]doctor.Finding, error) {
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if o.endpoint != "" {
		node, err := o.node(e)
		if err != nil {
			return nil, err
		}
		return node.Run(limited), nil
	}
	cluster, err := adminCluster(e, o.rbac.Options)
	if err != nil {
		return nil, err
	}
	probe, err := o.prober(e, cluster)
	if err != nil {
		return nil, err
	}
	findings := cluster.Run(limited)
	if o.probe && ctx.Err() == nil && (len(findings) > 1 || findings[0].Status != doctor.FAIL) {
		findings = append(findings, probe.Run(ctx)...)
	}
	return findings, nil
}

// node returns the view of a node, which may have a token.
func (o options) node(e *cli.Env) (doctor.Node, error) {
	opts, err := o.trust.Discovery(e, []string{o.endpoint}, o.tokenFile, "")
	if errors.Is(err, cmdutil.ErrNoToken) {
		err = nil
	}
	return doctor.Node{Discovery: opts}, err
}

// prober returns the administrator's probe, which trusts the CA of the kubeconfig if no
// other is given.
func (o options) prober(e *cli.Env, c doctor.Cluster) (doctor.Probe, error) {
	trust, err := o.trust.DiscoveryOptions(e, nil)
	if !o.trust.Given() {
		trust.CAs = c.CAs
	}
	return doctor.Probe{
		Core: c.Client.Core, Certificates: c.Client.Certificates, Authorization: c.Client.Authorization,
		Pins: trust.Pins, CAs: trust.CAs, NodeClient: trust.Client,
		Group: o.rbac.Group, Approval: o.rbac.Approval, Random: e.Random,
		Observer: func(event doctor.Event) { e.Progress(event.Check) },
	}, err
}

// adminCluster returns the cluster of the administrator's kubeconfig.
func adminCluster(e *cli.Env, wanted setup.Options) (doctor.Cluster, error) {
	config, err := e.AdminConfig()
	if err != nil {
		return doctor.Cluster{}, err
	}
	clock := &discovery.Clock{Now: e.Now}
	client, err := e.ClientWith(config, clock.Watch(e.ClientOptions(config.As)))
	if err != nil {
		return doctor.Cluster{}, err
	}
	c := doctor.Cluster{
		Client: client, Clock: clock, Address: config.Rest.Host, Setup: wanted,
		NodeClient: e.ClientOptions(""),
	}
	if endpoint, err := clusterinfo.ParseEndpoint(config.Rest.Host); err == nil {
		c.Server = endpoint
	}
	if err := rest.LoadTLSFiles(config.Rest); err != nil {
		return doctor.Cluster{}, fmt.Errorf("%w: %w", failure.ErrInvalidKubeconfig, err)
	}
	// Without any, nothing verifies the connection, or the system's CAs do.
	c.CAs, _ = certutil.ParseCertsPEM(config.Rest.CAData)
	return c, nil
}

func newReport(e *cli.Env, findings []doctor.Finding) output.DoctorReport {
	report := output.DoctorReport{Meta: output.Kind("DoctorReport"), Items: []output.DoctorFinding{}}
	for _, f := range findings {
		report.Items = append(report.Items, output.DoctorFinding{
			Check: f.Check, Status: string(f.Status), Reason: f.Reason, Evidence: e.WithProgramName(f.Evidence), Remedy: e.WithProgramName(f.Remedy),
		})
		switch f.Status {
		case doctor.FAIL:
			report.Failed++
		case doctor.WARN:
			report.Warned++
		default:
			report.Passed++
		}
	}
	return report
}

func doctorView(report output.DoctorReport) cli.Result {
	v := cli.Result{Object: report, Header: []string{"CHECK", "STATUS", "EVIDENCE"}, NoTruncate: true}
	for _, f := range report.Items {
		v.Rows = append(v.Rows, []string{f.Check, f.Status, cli.JoinNonEmpty(": ", f.Reason, f.Evidence)})
		if f.Remedy != "" {
			v.Rows = append(v.Rows, []string{" ", " ", "remedy: " + f.Remedy})
		}
		if f.Status != string(doctor.OK) {
			v.Names = append(v.Names, cli.Name{Bare: f.Check})
		}
	}
	return v
}

// verdict returns an error if a check failed, or has a warning and --strict is set.
func (o options) verdict(report output.DoctorReport) error {
	switch {
	case report.Failed > 0:
		return fmt.Errorf("%w: %d FAIL, %d WARN, %d OK", failure.ErrNotReady, report.Failed, report.Warned, report.Passed)
	case o.strict && report.Warned > 0:
		return fmt.Errorf("%w: with --strict, %d WARN, %d OK", failure.ErrNotReady, report.Warned, report.Passed)
	}
	return nil
}

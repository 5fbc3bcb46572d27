package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/setup"
)

type doctorOptions struct {
	rbac    rbacOptions
	strict  bool
	timeout time.Duration
}

func (o *doctorOptions) addFlags(fs *pflag.FlagSet) {
	o.rbac.addFlags(fs)
	fs.BoolVar(&o.strict, "strict", false, "fail for a WARN, too")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "give up after this long")
}

// errNotReady means that doctor found something that keeps nodes from joining.
var errNotReady = errors.New("the cluster is not ready for nodes")

func newDoctor(e *env) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether nodes can join, and if not, why not",
		Long: `Looks at all that a joining node needs, and changes nothing. Each check is a line
with OK, WARN or FAIL, a reason word that stays the same, the evidence, and below it
the remedy. What cannot be known is OK, and says so. Exit code 5 when a check is
FAIL, with --strict also when one is WARN; -o name prints the names of those checks
that are not OK.

--group and --auto-approve say what was meant by setup, and stand in the remedies.

A token of the cluster is tried where the CA in the kubeconfig verifies the
connection, and nowhere else. Requests are grouped by who made them, their signer
and what they wait for; at most 50 access reviews tell who would be approved.

Needs the rights of a cluster administrator: get on the configmaps cluster-info and
extension-apiserver-authentication and on setup's RBAC; list on secrets in
kube-system, rolebindings, clusterrolebindings and certificatesigningrequests;
create on subjectaccessreviews. A check that lacks one is WARN, and the others go on.`,
		Example: `  bootctl doctor
  bootctl doctor --auto-approve none --strict -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDoctor(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	complete(cmd, "auto-approve", string(setup.AutoApproveNodes), string(setup.AutoApproveNone))
	return cmd
}

func runDoctor(ctx context.Context, e *env, o doctorOptions) error {
	if o.timeout <= 0 {
		return fmt.Errorf("%w: --timeout %s leaves no time", errInput, o.timeout)
	}
	if _, err := o.rbac.objects(); err != nil {
		return err
	}
	patient, err := e.patient(o.rbac.options())
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	findings := patient.Run(limited)
	if err := ctx.Err(); err != nil { // interrupted, so it is no diagnosis
		return err
	}
	report := doctorReport(findings)
	if err := e.print(doctorView(report)); err != nil {
		return err
	}
	return o.verdict(report)
}

// patient is the cluster of the administrator's kubeconfig.
func (e *env) patient(wanted setup.Options) (doctor.Cluster, error) {
	config, err := e.adminConfig()
	if err != nil {
		return doctor.Cluster{}, err
	}
	clock := &clusterinfo.Clock{Now: e.now}
	client, err := e.clientWith(config, clock.Watch(e.clientOptions("context "+config.context)))
	if err != nil {
		return doctor.Cluster{}, err
	}
	c := doctor.Cluster{
		Client: client, Clock: clock, Address: config.rest.Host, Setup: wanted,
		Node: clusterinfo.Options{Timeout: e.global.requestTimeout, Client: e.clientOptions("")},
	}
	if endpoint, err := clusterinfo.ParseEndpoint(config.rest.Host); err == nil {
		c.Server = endpoint
	}
	if err := rest.LoadTLSFiles(config.rest); err != nil {
		return doctor.Cluster{}, fmt.Errorf("%w: %w", errKubeconfig, err)
	}
	// None where it has none: then nothing verifies the connection, or the CAs of the
	// system do.
	c.CAs, _ = certutil.ParseCertsPEM(config.rest.CAData)
	return c, nil
}

func doctorReport(findings []doctor.Finding) output.DoctorReport {
	report := output.DoctorReport{Meta: output.Kind("DoctorReport"), Items: []output.DoctorFinding{}}
	for _, f := range findings {
		report.Items = append(report.Items, output.DoctorFinding{
			Check: f.Check, Status: string(f.Status), Reason: f.Reason, Evidence: f.Evidence, Remedy: f.Remedy,
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

func doctorView(report output.DoctorReport) view {
	v := view{object: report, header: []string{"CHECK", "STATUS", "EVIDENCE"}, whole: true}
	for _, f := range report.Items {
		v.rows = append(v.rows, []string{f.Check, f.Status, joinedNonEmpty(": ", f.Reason, f.Evidence)})
		if f.Remedy != "" {
			v.rows = append(v.rows, []string{" ", " ", "remedy: " + f.Remedy})
		}
		if f.Status != string(doctor.OK) {
			v.names = append(v.names, f.Check)
		}
	}
	return v
}

// verdict returns an error when the report is not good enough.
func (o doctorOptions) verdict(report output.DoctorReport) error {
	checks, failed := map[string]bool{}, map[string]bool{}
	for _, f := range report.Items {
		checks[f.Check] = true
		if f.Status == string(doctor.FAIL) || o.strict && f.Status == string(doctor.WARN) {
			failed[f.Check] = true
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of %d checks failed", errNotReady, len(failed), len(checks))
}

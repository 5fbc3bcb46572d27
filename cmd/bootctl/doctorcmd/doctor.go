package doctorcmd

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/doctor"
)

// New returns the command doctor.
func New(e *cli.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether nodes can join, and if not, why not",
		Long: `Looks at all that a joining node needs, and changes nothing. Each check is a line
with OK, WARN or FAIL, a reason code that stays the same, the message, and below it
the fix. What cannot be known is OK, and says so. Exit code 5 when a check is
FAIL, with --strict also when one is WARN; -o name prints the names of those checks
that are not OK.

--group and --auto-approve say what was meant by setup, and stand in the fixes.

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
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e, cmd.Flags()) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	o.rbac.CompleteFlags(cmd)
	return cmd
}

func (o options) run(ctx context.Context, e *cli.Env, fs *pflag.FlagSet) error {
	if err := o.check(fs); err != nil {
		return err
	}
	findings, err := o.diagnose(ctx, e)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // interrupted, so it is no diagnosis
		reportCleanup(e, findings[len(findings)-1])
		return err
	}
	report := newReport(e, findings)
	if err := e.Print(doctorView(report)); err != nil {
		return err
	}
	return o.notReady(report)
}

// diagnose checks the cluster as a node or as its administrator.
func (o options) diagnose(ctx context.Context, e *cli.Env) ([]doctor.Finding, error) {
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

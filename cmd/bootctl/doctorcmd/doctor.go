package doctorcmd

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/doctor"
)

const doctorLong = `Check whether nodes can join, and how to fix what prevents it.

Checks everything that a joining node needs, without changing anything. Each
check prints its status (OK, WARN, FAIL, or SKIP), a stable reason code, a
message, and the fix. Checks that cannot be performed are reported as SKIP.
-o name prints the names of the checks with status WARN or FAIL.

Pass the --group and --auto-approve values that you used with setup; the
suggested commands include them.

--probe performs a complete join: it creates a token that expires after 10
minutes, submits a CSR with the token as a joining node does, uses the issued
certificate, and deletes the token and the CSR, even if it is interrupted. It is
skipped if another check shows that it would fail.

--endpoint checks the cluster as a node sees it, without a kubeconfig. With a
token and a pin or CA, it also checks the token. Otherwise, it only reads
cluster-info.

An existing token is sent only over a connection that the CA in the kubeconfig
verifies. CSRs are grouped by requester, signer, and pending reason. At most 50
access reviews determine which CSRs would be approved automatically.

Exits with code 5 if a check has status FAIL or, with --strict, WARN.

Permissions:
  get on the configmap cluster-info in kube-public
  get on the configmap extension-apiserver-authentication in kube-system
  get on roles in kube-public
  get on clusterroles
  get and list on rolebindings and clusterrolebindings
  list on secrets in kube-system
  list on certificatesigningrequests
  create on subjectaccessreviews
  create, get, and delete on secrets in kube-system, with --probe
  get and delete on certificatesigningrequests, with --probe

A check without a permission that it needs is reported as WARN, and the other
checks continue. --endpoint needs no permissions.`

// New returns the command doctor.
func New(e *cli.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether nodes can join, and how to fix what prevents it",
		Long:  doctorLong,
		Example: `  # Check whether nodes can join the cluster
  bootctl doctor

  # Also perform a complete join with a temporary token
  bootctl doctor --probe

  # Check the cluster from a node
  bootctl doctor --endpoint 192.0.2.1:6443 --token-file token --ca-cert-hash \
    sha256:e2bd70c0e14c8d0e4b1e2c0b3a3f7a5d8c9b6a7f4e3d2c1b0a9f8e7d6c5b4a39

  # Fail on warnings in a cluster where an administrator approves each node
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
	if err := ctx.Err(); err != nil { // interrupted, so the findings are incomplete
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
	config, err := e.AdminConfig()
	if err != nil {
		return nil, err
	}
	cluster, err := adminCluster(e, config, o.rbac.Options)
	if err != nil {
		return nil, err
	}
	probe, err := o.prober(e, cluster)
	if err != nil {
		return nil, err
	}
	findings := cluster.Run(limited)
	if o.probe && ctx.Err() == nil {
		probed := probe.Skip(findings)
		if len(probed) == 0 {
			probed = probe.Run(limited)
		}
		findings = append(findings, probed...)
	}
	addLabFix(findings, restartLab(config))
	return findings, nil
}

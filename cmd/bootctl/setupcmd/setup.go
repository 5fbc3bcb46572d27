package setupcmd

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/setup"
)

type options struct {
	document cmdutil.DocumentFlags
	rbac     cmdutil.RBACFlags
	dryRun   bool
	remove   bool
	force    bool
}

func (o *options) addFlags(fs *pflag.FlagSet) {
	o.document.AddFlags(fs)
	o.rbac.AddFlags(fs, "for new nodes: nodes (automatic), none (manual), keep (as is)",
		setup.AutoApproveKeep, setup.AutoApproveNodes, setup.AutoApproveNone)
	fs.BoolVar(&o.dryRun, "dry-run", false, "validate each change on the API server, without applying it")
	fs.BoolVar(&o.remove, "remove", false, "delete the objects that setup created for --group")
	fs.BoolVar(&o.force, "force", false, "overwrite objects that differ")
}

const setupLong = `Prepare a cluster so that nodes can join it.

Creates the RBAC objects and the cluster-info ConfigMap that joining nodes need.
It creates no tokens and does not let the API server access kubelets. Objects
that already grant the required permissions are left unchanged. If an object
differs, setup prints the difference, changes nothing, and exits with code 9;
with --force it overwrites the object. The API server validates all changes
before the first one is made, so a missing permission changes nothing. You can
run setup again at any time.

The objects have the label app.kubernetes.io/managed-by: bootctl, and --remove
deletes only objects with that label. For kubeadm's group, they have kubeadm's
names. For another --group, such as system:bootstrappers:nodes, the names begin
with bootctl: and end with the group; objects for other groups are not changed.

--endpoint and --ca-file set the address and the CA in cluster-info. An existing
cluster-info is kept unless you pass one of them.

With --auto-approve=nodes, anyone who has a token gets a certificate for any
node name. With none, an administrator approves the CSR of each new node with
bootctl csr approve; nodes still renew their own certificates. Defaults to nodes
for a new cluster; an existing setting is kept.

-o yaml and -o kyaml print the manifests, for example for GitOps. With
--endpoint and --ca-file, that needs no server.

Permissions:
  get and create on roles and rolebindings in kube-public
  get and create on clusterroles and clusterrolebindings
  get on nodes
  bind on the clusterroles that setup binds
  get and update on the configmap cluster-info in kube-public
  create on configmaps in kube-public
  list on secrets in kube-system
  update on roles and rolebindings in kube-public, with --force
  update on clusterroles and clusterrolebindings, with --force
  delete on rolebindings in kube-public, with --force
  delete on clusterrolebindings, with --force
  list and delete on roles in kube-public, with --remove
  delete on rolebindings and configmaps in kube-public, with --remove
  delete on clusterroles and clusterrolebindings, with --remove

A cluster administrator has these permissions. get on nodes is needed because
setup grants it to nodes.`

// New returns the command setup.
func New(e *cli.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Prepare a cluster so that nodes can join it",
		Long:  setupLong,
		Example: `  # Show what would be created
  bootctl setup --endpoint https://192.0.2.1:6443 --dry-run

  # Create it
  bootctl setup --endpoint https://192.0.2.1:6443

  # Require an administrator to approve each new node
  bootctl setup --endpoint https://192.0.2.1:6443 --auto-approve=none

  # Print the manifests without contacting a server
  bootctl setup --endpoint https://192.0.2.1:6443 --ca-file ca.crt \
    -o yaml > bootstrap.yaml

  # Delete what setup created
  bootctl setup --remove`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e, cmd.Flags()) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	o.rbac.CompleteFlags(cmd)
	return cmd
}

// manifestFormats are the formats in which setup prints manifests.
var manifestFormats = []string{"yaml", "kyaml"}

func (o options) validate(format string, given *pflag.FlagSet) error {
	if !o.remove {
		return nil
	}
	for _, name := range []string{"endpoint", "ca-file", "auto-approve", "force"} {
		if given.Changed(name) {
			return failure.Usagef("--%s cannot be used with --remove", name)
		}
	}
	return cli.UsageIf(slices.Contains(manifestFormats, format), "-o %s prints manifests and cannot be used with --remove", format)
}

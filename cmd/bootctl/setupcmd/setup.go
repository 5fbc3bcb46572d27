package setupcmd

import (
	"fmt"
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
	o.rbac.AddFlags(fs, "nodes: new nodes get their certificates at once; none: a person approves each; keep: as it is, and on a bare cluster nodes",
		setup.AutoApproveKeep, setup.AutoApproveNodes, setup.AutoApproveNone)
	fs.BoolVar(&o.dryRun, "dry-run", false, "let the API server judge each change, and change nothing")
	fs.BoolVar(&o.remove, "remove", false, "delete what setup created for this group, and nothing else")
	fs.BoolVar(&o.force, "force", false, "make what is there and differs as it should be")
}

// New returns the command setup.
func New(e *cli.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Prepare a cluster so that nodes can join it",
		Long: `Creates the RBAC that joining nodes need, and cluster-info. What is there and
grants the same is left as it is; where something is there and differs, setup says
how, changes nothing and exits 9, and with --force makes it as it should be. It may
be run again at any time. Each change is first judged by the API server, so that a
missing right is told before anything is changed. It makes no tokens, and gives the
API server no rights on kubelets.

What it creates has the label app.kubernetes.io/managed-by: bootctl, and --remove
deletes only that. For kubeadm's group the objects have kubeadm's names; for the
--group of another distribution, such as system:bootstrappers:nodes, the names
begin with bootctl: and end with the group, and no other group's are touched.

Nodes are told --endpoint and the CA of --ca-file, else those of the kubeconfig. A
cluster-info that is there stays unless one of the two is given.

With --auto-approve=nodes, whoever has a token gets the certificate of any node
name it asks for. With none, an administrator runs csr approve for each new node;
nodes still renew their own certificates. Without the flag a bare cluster gets
nodes, and one that was set up stays as it is.

-o yaml and -o kyaml print the manifests of all that for GitOps, and ask no server.

Needs the rights of a cluster administrator.`,
		Example: `  bootctl setup --endpoint https://192.0.2.1:6443 --dry-run
  bootctl setup --endpoint https://192.0.2.1:6443
  bootctl setup --endpoint https://192.0.2.1:6443 -o yaml >bootstrap.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e, cmd.Flags()) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	o.rbac.CompleteFlags(cmd)
	return cmd
}

// manifestFormats are those in which setup prints what it would create.
var manifestFormats = []string{"yaml", "kyaml"}

func (o options) validate(format string, given *pflag.FlagSet) error {
	if !o.remove {
		return nil
	}
	for _, name := range []string{"endpoint", "ca-file", "auto-approve", "force"} {
		if given.Changed(name) {
			return fmt.Errorf("%w: --%s means nothing with --remove", failure.ErrUsage, name)
		}
	}
	return cli.UsageIf(slices.Contains(manifestFormats, format), "-o %s prints what setup creates, and --remove creates nothing", format)
}

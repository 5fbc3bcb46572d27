package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

type setupOptions struct {
	document documentOptions
	rbac     rbacOptions
	dryRun   bool
	remove   bool
	force    bool
}

func (o *setupOptions) addFlags(fs *pflag.FlagSet) {
	o.document.addFlags(fs)
	o.rbac.addFlags(fs, "nodes: new nodes get their certificates at once; none: a person approves each; keep: as it is, and on a bare cluster nodes",
		setup.AutoApproveKeep, setup.AutoApproveNodes, setup.AutoApproveNone)
	fs.BoolVar(&o.dryRun, "dry-run", false, "let the API server judge each change, and change nothing")
	fs.BoolVar(&o.remove, "remove", false, "delete what setup created for this group, and nothing else")
	fs.BoolVar(&o.force, "force", false, "make what is there and differs as it should be")
}

// rbacOptions are the flags that say what nodes shall be able to do.
type rbacOptions struct {
	group       string
	autoApprove string
	approvals   []setup.Approval
}

// addFlags takes the approvals that there are, the first where none is given.
func (o *rbacOptions) addFlags(fs *pflag.FlagSet, usage string, approvals ...setup.Approval) {
	o.approvals = approvals
	fs.StringVar(&o.group, "group", token.DefaultGroup, "the `group` of the tokens of nodes")
	fs.StringVar(&o.autoApprove, "auto-approve", string(approvals[0]), "`policy` "+usage)
}

// completeFlags offers the values of the flags.
func (o *rbacOptions) completeFlags(cmd *cobra.Command) {
	var words []string
	for _, approval := range o.approvals {
		words = append(words, string(approval))
	}
	complete(cmd, "auto-approve", words...)
}

// objects returns the RBAC that is meant.
func (o rbacOptions) objects() ([]setup.Object, error) {
	if !slices.Contains(o.approvals, setup.Approval(o.autoApprove)) {
		return nil, fmt.Errorf("%w: --auto-approve is one of %s, not %q", failure.ErrUsage, strings.Trim(fmt.Sprint(o.approvals), "[]"), o.autoApprove)
	}
	if o.group != api.BootstrapDefaultGroup && token.ValidateGroup(o.group) != nil {
		return nil, fmt.Errorf("%w: --group %q is not one that tokens can have: %s, which all have, or %s: and then a-z, 0-9, colons and dashes, the last of them a letter or digit",
			failure.ErrUsage, o.group, api.BootstrapDefaultGroup, api.BootstrapDefaultGroup)
	}
	return setup.Objects(o.options()), nil
}

func (o rbacOptions) options() setup.Options {
	return setup.Options{Group: o.group, Approval: setup.Approval(o.autoApprove)}
}

func newSetup(e *env) *cobra.Command {
	var o setupOptions
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.remove {
				for _, name := range []string{"endpoint", "ca-file", "auto-approve", "force"} {
					if cmd.Flags().Changed(name) {
						return fmt.Errorf("%w: --%s means nothing with --remove", failure.ErrUsage, name)
					}
				}
			}
			return runSetup(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	e.addConnectionFlags(cmd)
	o.rbac.completeFlags(cmd)
	return cmd
}

func runSetup(ctx context.Context, e *env, o setupOptions) error {
	objects, err := o.rbac.objects()
	if err != nil {
		return err
	}
	if slices.Contains(manifestFormats, e.global.output) {
		return o.printManifests(e, objects)
	}
	config, err := e.adminConfig()
	if err != nil {
		return err
	}
	s := setup.Setup{
		Now: e.now, Objects: objects, Force: o.force, DryRun: o.dryRun,
		Document: func() ([]byte, error) { return o.document.read(e, config.rest) },
		Keep:     o.document == documentOptions{},
	}
	if !s.Keep { // what is wrong with the flags is told before anything is asked
		document, err := s.Document()
		if err != nil {
			return err
		}
		s.Document = func() ([]byte, error) { return document, nil }
	}
	client, err := e.clientOf(config)
	if err != nil {
		return err
	}
	s.RBAC, s.Core, s.Authorization = client.RBAC, client.Core, client.Authorization
	act := s.Apply
	if o.remove {
		act = s.Remove
	}
	results, err := act(ctx)
	if err != nil {
		return err
	}
	return e.print(setupView(results, o))
}

// manifestFormats are those in which setup prints what it would create.
var manifestFormats = []string{"yaml", "kyaml"}

// printManifests prints what setup would create, as YAML documents.
func (o setupOptions) printManifests(e *env, objects []setup.Object) error {
	if o.remove {
		return fmt.Errorf("%w: -o %s prints what setup creates, and --remove creates nothing", failure.ErrUsage, e.global.output)
	}
	var config adminConfig
	if o.document.endpoint == "" || o.document.caFile == "" {
		var err error
		if config, err = e.adminConfig(); err != nil {
			return err
		}
	}
	document, err := o.document.read(e, config.rest)
	if err != nil {
		return err
	}
	var manifests []*unstructured.Unstructured
	for _, manifest := range setup.Manifests(objects, document) {
		object, err := toUnstructured(manifest)
		if err != nil {
			return err
		}
		manifests = append(manifests, object)
	}
	text, err := e.global.document(manifests...)
	if err != nil {
		return err
	}
	return e.print(view{formats: map[string]string{e.global.output: string(text)}})
}

// setupReference is the name of an object that setup makes.
func setupReference(item output.SetupItem) reference {
	kind := resource{GroupKind: schema.GroupKind{Group: rbacv1.GroupName, Kind: item.Kind}}
	if item.Kind == configMapResource.Kind {
		kind = configMapResource
	}
	return kind.reference(item.Name)
}

func setupView(results []setup.Result, o setupOptions) view {
	object := output.SetupResult{Meta: output.Kind("SetupResult"), DryRun: o.dryRun, Items: []output.SetupItem{}}
	v := view{header: []string{"KIND", "NAMESPACE", "NAME", "ACTION"}, whole: true}
	changed := 0
	for _, r := range results {
		item := output.SetupItem{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Action: string(r.Action), Why: r.Why}
		object.Items = append(object.Items, item)
		switch r.Action {
		case setup.Unchanged, setup.Kept:
		case setup.LeftOut:
			v.footer = "new nodes wait for a person; --auto-approve nodes lets them in at once"
		default:
			changed++
			if o.dryRun {
				item.Action = "would be " + item.Action
			}
		}
		v.names = append(v.names, setupReference(item))
		v.rows = append(v.rows, []string{item.Kind, item.Namespace, item.Name, joinedNonEmpty(", since ", item.Action, item.Why)})
	}
	v.object = object
	switch {
	case changed > 0 || v.footer != "":
	case o.remove:
		v.footer = "nothing to remove"
	default:
		v.footer = "nothing to change"
	}
	return v
}

package setupcmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/pflag"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/setup"
)

func (o options) run(ctx context.Context, e *cli.Env, given *pflag.FlagSet) error {
	if err := o.validate(e.Global.Output, given); err != nil {
		return err
	}
	objects, err := o.rbac.Objects()
	if err != nil {
		return err
	}
	if slices.Contains(manifestFormats, e.Global.Output) {
		return o.printManifests(e, objects)
	}
	config, err := e.AdminConfig()
	if err != nil {
		return err
	}
	document := sync.OnceValues(func() ([]byte, error) { return o.document.Read(e, config.Rest) })
	keep := o.document == cmdutil.DocumentFlags{}
	if !keep { // report invalid flags before the first request
		if _, err := document(); err != nil {
			return err
		}
	}
	client, err := e.ClientOf(config)
	if err != nil {
		return err
	}
	s := setup.Setup{
		RBAC: client.RBAC, Core: client.Core, Authorization: client.Authorization, Now: e.Now,
		Objects: objects, Document: document, Keep: keep, Force: o.force, DryRun: o.dryRun,
	}
	do := s.Apply
	if o.remove {
		do = s.Remove
	}
	results, err := do(ctx)
	if err != nil {
		return err
	}
	return e.Print(setupView(results, o))
}

// printManifests prints the objects that setup would create, as YAML documents.
func (o options) printManifests(e *cli.Env, objects []setup.Object) error {
	var config cli.AdminConfig
	var err error
	if o.document.Endpoint == "" || o.document.CaFile == "" {
		if config, err = e.AdminConfig(); err != nil {
			return fmt.Errorf("manifests need a kubeconfig, or --endpoint and --ca-file: %w", err)
		}
	}
	document, err := o.document.Read(e, config.Rest)
	if err != nil {
		return err
	}
	text, err := e.Global.Document(setup.Manifests(objects, document)...)
	if err != nil {
		return err
	}
	return e.Print(cli.Result{Formats: map[string]string{e.Global.Output: string(text)}})
}

func setupView(results []setup.Result, o options) cli.Result {
	object := output.SetupResult{Meta: output.Kind("SetupResult"), DryRun: o.dryRun, Items: []output.SetupItem{}}
	v := cli.Result{Header: []string{"KIND", "NAMESPACE", "NAME", "ACTION"}, NoTruncate: true}
	unchanged := "nothing to change"
	if o.remove {
		unchanged = "nothing to remove"
	}
	for _, r := range results {
		item := output.SetupItem{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Action: string(r.Action), Message: r.Message}
		object.Items = append(object.Items, item)
		switch r.Action {
		case setup.Unchanged, setup.Kept:
		case setup.Skipped:
			v.Footer = "an administrator must approve the CSR of each new node; to approve automatically, use --auto-approve nodes"
		default:
			unchanged = ""
			if o.dryRun {
				item.Action = "would be " + item.Action
			}
		}
		kind := schema.GroupKind{Group: rbacv1.GroupName, Kind: r.Kind}
		if r.Kind == cmdutil.ConfigMapResource.Kind {
			kind = cmdutil.ConfigMapResource.GroupKind
		}
		v.Names = append(v.Names, cli.Resource{GroupKind: kind}.Reference(r.Name))
		v.Rows = append(v.Rows, []string{item.Kind, item.Namespace, item.Name, cli.JoinNonEmpty(": ", item.Action, item.Message)})
	}
	v.Object, v.Footer = object, cmp.Or(v.Footer, unchanged)
	return v
}

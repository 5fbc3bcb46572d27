package setupcmd

import (
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/setup"
)

// manifestFormats are those in which setup prints what it would create.
var manifestFormats = []string{"yaml", "kyaml"}

// printManifests prints what setup would create, as YAML documents.
func (o options) printManifests(e *cli.Env, objects []setup.Object) error {
	var config cli.AdminConfig
	if o.document.Endpoint == "" || o.document.CaFile == "" {
		var err error
		if config, err = e.AdminConfig(); err != nil {
			return err
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

// setupReference is the name of an object that setup makes.
func setupReference(item output.SetupItem) cli.Name {
	kind := cli.Resource{GroupKind: schema.GroupKind{Group: rbacv1.GroupName, Kind: item.Kind}}
	if item.Kind == cmdutil.ConfigMapResource.Kind {
		kind = cmdutil.ConfigMapResource
	}
	return kind.Reference(item.Name)
}

func setupView(results []setup.Result, o options) cli.Result {
	object := output.SetupResult{Meta: output.Kind("SetupResult"), DryRun: o.dryRun, Items: []output.SetupItem{}}
	v := cli.Result{Header: []string{"KIND", "NAMESPACE", "NAME", "ACTION"}, NoTruncate: true}
	changed := 0
	for _, r := range results {
		item := output.SetupItem{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Action: string(r.Action), Why: r.Why}
		object.Items = append(object.Items, item)
		switch r.Action {
		case setup.Unchanged, setup.Kept:
		case setup.Skipped:
			v.Footer = "new nodes wait for a person; --auto-approve nodes lets them in at once"
		default:
			changed++
			if o.dryRun {
				item.Action = "would be " + item.Action
			}
		}
		v.Names = append(v.Names, setupReference(item))
		v.Rows = append(v.Rows, []string{item.Kind, item.Namespace, item.Name, cli.JoinNonEmpty(", since ", item.Action, item.Why)})
	}
	v.Object = object
	switch {
	case changed > 0 || v.Footer != "":
	case o.remove:
		v.Footer = "nothing to remove"
	default:
		v.Footer = "nothing to change"
	}
	return v
}

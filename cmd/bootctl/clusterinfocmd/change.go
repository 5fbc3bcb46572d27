package clusterinfocmd

import (
	"errors"

	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// printChange prints what a write has changed, or would have if it had not ended
// with err.
func printChange(e *cli.Env, c clusterinfo.Change, err error) error {
	if err != nil && !errors.Is(err, cli.ErrDryRun) {
		return err
	}
	object := output.ClusterInfoChange{
		Meta: output.Kind("ClusterInfoChange"), Written: err == nil && !c.IsEmpty(), DryRun: err != nil,
		After: describeDocument(c.After), Added: cli.OrEmpty(c.Added), Replaced: cli.OrEmpty(c.Replaced), Removed: cli.OrEmpty(c.Removed),
	}
	if c.Before != nil {
		before := describeDocument(c.Before)
		object.Before = &before
	}
	return e.Print(changeView(object))
}

func changeView(object output.ClusterInfoChange) cli.Result {
	before := output.ClusterInfoDocument{Pins: []string{}}
	if object.Before != nil {
		before = *object.Before
	}
	action := "unchanged"
	switch {
	case object.DryRun:
		action = "would be written"
	case object.Written:
		action = "written"
	}
	v := cli.Result{Object: object, Names: []cli.Name{cmdutil.ConfigMapResource.Reference(api.ConfigMapClusterInfo)}, Header: []string{"CLUSTER-INFO", action}}
	v.Rows = [][]string{{"address", object.After.Server}, {"CA", cmdutil.JoinWords(object.After.Pins)}}
	for _, row := range [][]string{
		{"address before", before.Server}, {"CA before", cmdutil.JoinWords(before.Pins)},
		{"signatures added", cmdutil.JoinWords(object.Added)}, {"signatures replaced", cmdutil.JoinWords(object.Replaced)}, {"signatures removed", cmdutil.JoinWords(object.Removed)},
	} {
		if row[1] != "" && row[1] != object.After.Server && row[1] != cmdutil.JoinWords(object.After.Pins) {
			v.Rows = append(v.Rows, row)
		}
	}
	return v
}

// describeDocument says what a kubeconfig tells nodes; of one that they would
// not take, why.
func describeDocument(raw []byte) output.ClusterInfoDocument {
	document, err := clusterinfo.ParseDocument(raw)
	if err != nil {
		return output.ClusterInfoDocument{Pins: []string{}, Problem: err.Error()}
	}
	return output.ClusterInfoDocument{Server: document.Server.URL(), Pins: cmdutil.PinTexts(document.CAs)}
}

package clusterinfocmd

import (
	"slices"
	"strings"

	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// printChange prints the changes of a write, or of a planned one.
func printChange(e *cli.Env, c clusterinfo.Change) error {
	object := output.ClusterInfoChange{
		Meta: output.Kind("ClusterInfoChange"), Written: c.Written, DryRun: !c.Written && !c.IsEmpty(),
		After: describeDocument(c.After), Added: cli.OrEmpty(c.Added), Replaced: cli.OrEmpty(c.Replaced), Removed: cli.OrEmpty(c.Removed),
	}
	var before output.ClusterInfoDocument
	if c.Before != nil {
		before = describeDocument(c.Before)
		object.Before = &before
	}
	action := "unchanged"
	switch {
	case object.DryRun:
		action = "would be written"
	case object.Written:
		action = "written"
	}
	address, pins := object.After.Server, joinWords(object.After.Pins)
	rows := [][]string{{"address", address}, {"CA", pins}}
	for _, row := range [][]string{
		{"previous address", before.Server}, {"previous CA", joinWords(before.Pins)},
		{"signatures added", joinWords(c.Added)}, {"signatures replaced", joinWords(c.Replaced)}, {"signatures removed", joinWords(c.Removed)},
	} {
		if !slices.Contains([]string{"", address, pins}, row[1]) {
			rows = append(rows, row)
		}
	}
	name := cmdutil.ConfigMapResource.Reference(api.ConfigMapClusterInfo)
	return e.Print(cli.Result{Object: object, Names: []cli.Name{name}, Header: []string{"CLUSTER-INFO", action}, Rows: rows})
}

// joinWords prints a list in one cell.
func joinWords(items []string) string { return strings.Join(items, " ") }

// describeDocument returns the address and the pins in a kubeconfig, or why nodes would
// reject it.
func describeDocument(raw []byte) output.ClusterInfoDocument {
	document, err := clusterinfo.ParseDocument(raw)
	if err != nil {
		return output.ClusterInfoDocument{Pins: []string{}, Problem: err.Error()}
	}
	return output.ClusterInfoDocument{Server: document.Server.URL(), Pins: clusterinfo.PinTexts(document.CAs)}
}

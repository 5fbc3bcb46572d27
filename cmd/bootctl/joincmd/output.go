package joincmd

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

func joinView(r join.Result, layout join.Layout, dryRun bool, steps []output.JoinStep) cli.Result {
	object := output.JoinResult{
		Meta:        output.Kind("JoinResult"),
		State:       joinState(r),
		DryRun:      dryRun,
		NodeName:    r.NodeName,
		Server:      r.Server.URL(),
		Pins:        clusterinfo.PinTexts(r.Roots),
		CSRName:     r.RequestName,
		Username:    r.Username,
		Groups:      r.Groups,
		Kubeconfig:  layout.Kubeconfig(),
		Certificate: layout.Current(),
		CAFile:      layout.CA(),
		Repaired:    r.Repaired,
		Steps:       steps,
	}
	rows := [][]string{
		{"state", strings.ReplaceAll(object.State, "-", " ")}, {"server", object.Server},
		{"CA", strings.Join(object.Pins, " ")}, {"CSR", object.CSRName},
	}
	if cert := r.Certificate; cert != nil {
		object.Fingerprint, object.Issuer = csr.Fingerprint(cert.PublicKey), cert.Issuer.String()
		object.NotBefore, object.NotAfter = cert.NotBefore.UTC(), cert.NotAfter.UTC()
		rows = append(rows, [][]string{
			{"authenticates as", object.Username}, {"in groups", strings.Join(object.Groups, ", ")},
			{"certificate", object.Certificate}, {"issued by", object.Issuer},
			{"valid", object.NotBefore.Format(time.RFC3339) + " to " + object.NotAfter.Format(time.RFC3339)},
			{"key", object.Fingerprint},
		}...)
	}
	rows = append(rows, []string{"kubeconfig", object.Kubeconfig}, []string{"repaired", strings.Join(object.Repaired, " ")})
	rows = slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" })
	return cli.Result{Object: object, Names: []cli.Name{{GroupKind: schema.GroupKind{Kind: "Node"}, Name: r.NodeName, Bare: r.NodeName}}, Header: []string{"NODE", object.NodeName}, Rows: rows}
}

// joinState returns the state of the node.
func joinState(r join.Result) string {
	switch {
	case r.AlreadyJoined:
		return "already-joined"
	case r.Certificate != nil:
		return "joined"
	case r.Requested:
		return "pending"
	}
	return "not-joined"
}

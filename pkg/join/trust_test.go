package join_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// A server without a certificate from the pinned CA never gets the token: neither a server
// that returns a genuine cluster-info, nor a server that a genuine cluster-info names.
func TestJoin_TokenOnlyToTrusted(t *testing.T) {
	tests := []struct {
		name   string
		change func(genuine, impostor *cluster, opts *join.Options)
		want   bool // the join succeeds
	}{
		{"no impostor", func(_, _ *cluster, _ *join.Options) {}, true},
		{"in discovery", func(genuine, impostor *cluster, opts *join.Options) {
			opts.Discovery.Endpoints = []clusterinfo.Endpoint{impostor.endpoint}
			impostor.ca, impostor.endpoint = genuine.ca, genuine.endpoint // its cluster-info is genuine
		}, false},
		{"in cluster-info", func(genuine, impostor *cluster, _ *join.Options) { genuine.endpoint = impostor.endpoint }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			genuine, impostor := newCluster(t), newCluster(t)
			opts := genuine.options(join.OutDir(t.TempDir()))
			test.change(genuine, impostor, &opts)
			_, err := join.Run(t.Context(), opts)
			if (err == nil) != test.want || kubeclient.IsUntrusted(err) == test.want {
				t.Errorf("error = %v, want success %v", err, test.want)
			}
			if n := impostor.asked(); n != 0 { // it counts only requests with the token
				t.Errorf("the impostor got %d requests with the token", n)
			}
			if _, err := os.Lstat(opts.Layout.Kubeconfig()); errors.Is(err, fs.ErrNotExist) == test.want {
				t.Errorf("kubeconfig: %v", err)
			}
		})
	}
}

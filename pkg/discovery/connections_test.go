package clusterinfo_test

import (
	"testing"
	"time"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// Discover is repeated for hours by many nodes: it leaves no connection.
func TestDiscoverLeavesNoConnection(t *testing.T) {
	c := newCA(t)
	server := newCluster(t, c.server(t, host), always(unsignedData(t, c)))
	for range 3 {
		_, err := clusterinfo.Discover(t.Context(), options(t, server, c))
		wantError(t, err, clusterinfo.ErrTokenNotSigned)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		n := server.connections()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are left", n)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

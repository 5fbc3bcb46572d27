package discovery_test

import (
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/discovery"
)

// Many nodes repeat Discover for hours, so it must not leave connections open.
func TestDiscover_ClosesConnections(t *testing.T) {
	c := testcluster.NewCA(t)
	server := testcluster.NewCluster(t, c.Server(t, host), testcluster.Always(unsignedData(t, c)))
	for range 3 {
		_, err := discovery.Discover(t.Context(), testcluster.Options(t, server, c))
		testcluster.WantError(t, err, discovery.ErrTokenNotSigned)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		n := server.Connections()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open", n)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

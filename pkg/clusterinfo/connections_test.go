package clusterinfo_test

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// Discover is repeated for hours by many nodes: it leaves no connection.
func TestDiscoverLeavesNoConnection(t *testing.T) {
	c := newCA(t)
	server := newCluster(t, c.server(t, host), always(unsignedData(t, c)))
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	inner := server.Config.ConnState
	server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		inner(conn, state)
		mu.Lock()
		defer mu.Unlock()
		open[conn] = true
		if state == http.StateClosed {
			delete(open, conn)
		}
	}
	for range 3 {
		_, err := clusterinfo.Discover(t.Context(), options(t, server, c))
		wantError(t, err, clusterinfo.ErrTokenNotSigned)
	}
	deadline := time.Now().Add(time.Second)
	for {
		mu.Lock()
		n := len(open)
		mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are left", n)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

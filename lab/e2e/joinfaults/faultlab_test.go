package joinfaults

import (
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/lab/pki"
	"github.com/bootctl/bootctl/pkg/token"
)

// faultLab is a control plane with the means to cause faults.
type faultLab struct {
	server    *labtest.Server
	admin     kubernetes.Interface
	ca, other *pki.CA
	token     token.Token
	tokenFile string
	elsewhere *countingListener
}

func newFaultLab(t *testing.T, p labtest.Admin) *faultLab {
	t.Helper()
	made := testca.New(t, time.Now())
	l := &faultLab{server: p.Server, other: &pki.CA{Cert: made.Certificate, Key: made.Key}, elsewhere: newCountingListener(t)}
	var err error
	if l.ca, err = pki.LoadCA(p.Server.Dir); err != nil {
		t.Fatal(err)
	}
	if l.admin, err = p.Server.Client(""); err != nil {
		t.Fatal(err)
	}
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	l.tokenFile = p.CreateTokenFile(t)
	text, err := os.ReadFile(l.tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	if l.token, err = token.Parse(string(text)); err != nil {
		t.Fatal(err)
	}
	return l
}

// countingListener counts connections, and closes them.
type countingListener struct {
	net.Listener
	connections atomic.Int64
}

func newCountingListener(t *testing.T) *countingListener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &countingListener{Listener: listener}
	t.Cleanup(func() { l.Close() }) //nolint:errcheck // the test is over
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			l.connections.Add(1)
			conn.Close() //nolint:errcheck // no client should connect
		}
	}()
	return l
}

func (l *countingListener) accepted() int64 { return l.connections.Load() }

func (l *countingListener) url() string { return "https://" + l.Addr().String() }

package e2e

import (
	"crypto/tls"
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

// faultLab is what the faults need.
type faultLab struct {
	server    *labtest.Server
	admin     kubernetes.Interface
	ca, other *pki.CA
	token     token.Token
	tokenFile string
	elsewhere *deafListener
}

func newFaultLab(t *testing.T, p program) *faultLab {
	t.Helper()
	made := testca.New(t, time.Now())
	l := &faultLab{server: p.server, other: &pki.CA{Cert: made.Certificate, Key: made.Key}, elsewhere: newDeafListener(t)}
	var err error
	if l.ca, err = pki.LoadCA(p.server.Dir); err != nil {
		t.Fatal(err)
	}
	if l.admin, err = p.server.Client(""); err != nil {
		t.Fatal(err)
	}
	p.must(t, "setup", "--endpoint", p.server.URL())
	l.tokenFile = p.tokenFile(t)
	text, err := os.ReadFile(l.tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	if l.token, err = token.Parse(string(text)); err != nil {
		t.Fatal(err)
	}
	return l
}

// serving is a certificate of a server of loopback, of the CA and made then.
func serving(ca *pki.CA, ip net.IP, then time.Time) func(*tls.Config) {
	return func(config *tls.Config) {
		pair, err := ca.Issue(pki.Leaf{CommonName: "fault", IPs: []net.IP{ip}, Server: true}, then)
		if err != nil {
			panic(err)
		}
		certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
		if err != nil {
			panic(err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
}

// deafListener counts those who come.
type deafListener struct {
	net.Listener
	came atomic.Int64
}

func newDeafListener(t *testing.T) *deafListener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &deafListener{Listener: listener}
	t.Cleanup(func() { l.Close() }) //nolint:errcheck // the test is over
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			l.came.Add(1)
			conn.Close() //nolint:errcheck // nobody should be there
		}
	}()
	return l
}

func (l *deafListener) heard() int64 { return l.came.Load() }

func (l *deafListener) url() string { return "https://" + l.Addr().String() }

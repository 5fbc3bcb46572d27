package scripts

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/lab/pki"
)

// skewed NAME DURATION starts a proxy in front of the lab whose clock is that far ahead,
// and stores its URL in the variable NAME.
func skewedProxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: skewed NAME DURATION")
	}
	ahead, err := time.ParseDuration(args[1])
	ts.Check(err)
	proxy, err := faultproxy.Before(&labtest.Server{Ready: lab.Ready{Server: ts.Getenv("SERVER")}, Dir: ts.Getenv("LAB")})
	ts.Check(err)
	ts.Defer(func() { _ = proxy.Close() })
	proxy.Inject(func(*http.Request) faultproxy.Fault {
		return faultproxy.Fault{Rewrite: func(resp *http.Response) error {
			resp.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			return nil
		}}
	})
	ts.Setenv(args[0], proxy.URL)
}

// issueServingCertificate returns a certificate issued by the lab's CA.
func issueServingCertificate(ts *testscript.TestScript, leaf pki.Leaf) tls.Certificate {
	ca, err := pki.LoadCA(ts.Getenv("LAB"))
	ts.Check(err)
	leaf.CommonName, leaf.Server = "e2e", true
	pair, err := ca.Issue(leaf, time.Now())
	ts.Check(err)
	cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
	ts.Check(err)
	return cert
}

// serve NAME FILE serves a file over https on any path, and stores the URL in the variable
// NAME. The paths /moved and /missing have other responses.
func serveFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve NAME FILE")
	}
	text := ts.ReadFile(args[1])
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{issueServingCertificate(ts, pki.Leaf{IPs: []net.IP{net.IPv4(127, 0, 0, 1).To4()}})},
	})
	ts.Check(err)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/missing":
			http.NotFound(w, r)
		default:
			_, _ = io.WriteString(w, text)
		}
	})}
	go server.Serve(listener) //nolint:errcheck // ends with Close
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv(args[0], "https://"+listener.Addr().String())
}

// tunnel NAME [STATUS] starts a proxy that connects every host name to the lab or, if
// STATUS is given, responds with it, and stores its URL in the variable NAME.
func connectProxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: tunnel NAME [STATUS]")
	}
	status := 0
	if len(args) == 2 {
		var err error
		status, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	at, end, err := faultproxy.StartTunnel(strings.TrimPrefix(ts.Getenv("SERVER"), "https://"), status)
	ts.Check(err)
	ts.Defer(end)
	ts.Setenv(args[0], "http://user:p4ssword@"+at)
}

package faultproxy

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/bootctl/bootctl/lab/pki"
)

// ServingCertificate makes a TLS server present a certificate for the IP address, issued
// by the CA at the time.
func ServingCertificate(ca *pki.CA, ip net.IP, then time.Time) func(*tls.Config) {
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

// StartTunnel starts a CONNECT proxy that connects every client to the given address or,
// if status is not 0, responds with that status. It returns the proxy's address and a function
// that stops it.
func StartTunnel(address string, status int) (at string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status != 0 || r.Method != http.MethodConnect {
			w.WriteHeader(status)
			return
		}
		splice(w, address)
	})}
	go server.Serve(listener) //nolint:errcheck // ends with Close
	return listener.Addr().String(), func() { _ = server.Close() }, nil
}

// splice responds to a CONNECT and copies bytes in both directions.
func splice(w http.ResponseWriter, address string) {
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close() //nolint:errcheck // it is finished
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // it is finished
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connected\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	pass := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(to, from)
		ended <- struct{}{}
	}
	go pass(client, server)
	go pass(server, client)
	<-ended
}

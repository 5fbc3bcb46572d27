package faultproxy

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/lab/pki"
)

// Before starts a proxy in front of a running lab, with a certificate issued by the lab's CA.
func Before(server *labtest.Server) (*Proxy, error) {
	ca, err := pki.LoadCA(server.Dir)
	if err != nil {
		return nil, err
	}
	serving := pki.Leaf{CommonName: "faultproxy", IPs: []net.IP{net.IPv4(127, 0, 0, 1).To4()}, Server: true}
	shown, err := issue(ca, serving)
	if err != nil {
		return nil, err
	}
	admin, err := issue(ca, pki.Leaf{CommonName: "faultproxy", Organization: []string{"system:masters"}, Client: true})
	if err != nil {
		return nil, err
	}
	upstream, err := url.Parse(server.URL())
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(ca.Cert)
	withToken := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
	asAdmin := &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: trusted, Certificates: []tls.Certificate{admin}, MinVersion: tls.VersionTLS12,
	}}
	return Start(Options{
		Upstream: upstream, Certificate: shown, ClientCAs: trusted,
		Transport: byCredential{withToken, asAdmin},
	})
}

func issue(ca *pki.CA, leaf pki.Leaf) (tls.Certificate, error) {
	pair, err := ca.Issue(leaf, time.Now())
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(pair.Cert, pair.Key)
}

// byCredential uses the administrator's certificate only for impersonation, since the
// API server prefers a certificate to a token.
type byCredential struct{ withToken, asAdmin http.RoundTripper }

func (b byCredential) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("Impersonate-User") != "" {
		return b.asAdmin.RoundTrip(req)
	}
	return b.withToken.RoundTrip(req)
}

func (b byCredential) CloseIdleConnections() {
	for _, transport := range []http.RoundTripper{b.withToken, b.asAdmin} {
		if pool, ok := transport.(*http.Transport); ok {
			pool.CloseIdleConnections()
		}
	}
}

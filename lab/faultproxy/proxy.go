// Package faultproxy is a TLS proxy before an API server, with a certificate of
// the lab's CA. It records, in plaintext, all that passes between the client and
// itself, and delays, drops and rewrites what a test asks it to.
//
// A client certificate ends at the proxy, which then asks in the name of its
// subject, as a front proxy does; everything else passes unchanged.
package faultproxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what to stand before.
type Options struct {
	// Upstream is the URL of the API server.
	Upstream *url.URL
	// Transport reaches it as an administrator, who may impersonate.
	Transport http.RoundTripper
	// Certificate is what the proxy shows, and ClientCAs what it accepts.
	Certificate tls.Certificate
	ClientCAs   *x509.CertPool
	// Listener is where it listens; nil means any port of loopback.
	Listener net.Listener
}

// Proxy is a running proxy.
type Proxy struct {
	// URL is its address.
	URL    string
	server *http.Server
	record recorder
	fault  atomic.Pointer[func(*http.Request) Fault]
	faults atomic.Int64
}

// Fault is what is done to one request and its answer. The zero value is nothing.
type Fault struct {
	// Delay is how long the request is held back.
	Delay time.Duration
	// Drop hangs up before the API server hears of it, DropAnswer after.
	Drop, DropAnswer bool
	// Rewrite changes the answer.
	Rewrite func(*http.Response) error
}

func (f Fault) isNone() bool { return f.Delay == 0 && !f.Drop && !f.DropAnswer && f.Rewrite == nil }

// Inject lets decide choose the fault of each request from now on; nil ends
// them.
func (p *Proxy) Inject(decide func(*http.Request) Fault) { p.fault.Store(&decide) }

// Faults returns how many requests had a fault.
func (p *Proxy) Faults() int64 { return p.faults.Load() }

// Start starts a proxy. Close ends it.
func Start(opts Options) (*Proxy, error) {
	listener := opts.Listener
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	p := &Proxy{URL: "https://" + listener.Addr().String()}
	// HTTP/1.1 alone, so that what is recorded is not packed in frames.
	secured := tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{opts.Certificate},
		ClientCAs:    opts.ClientCAs,
		ClientAuth:   tls.VerifyClientCertIfGiven,
		NextProtos:   []string{"http/1.1"},
		MinVersion:   tls.VersionTLS12,
	})
	p.server = &http.Server{
		Handler:           p.faulty(forward(opts)),
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	go p.server.Serve(recordingListener{secured, &p.record}) //nolint:errcheck // ends with Close
	return p, nil
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() error { return p.server.Close() }

// Recorded returns all bytes so far, of both directions.
func (p *Proxy) Recorded() []byte { return p.record.bytes() }

// connKey is where the context of a request holds its connection, whose TLS
// state is known only after its first bytes.
type connKey struct{}

// faultKey is where the context of a request holds its fault.
type faultKey struct{}

// faulty does to a request what its fault says, before it is passed on.
func (p *Proxy) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var fault Fault
		if decide := p.fault.Load(); decide != nil && *decide != nil {
			fault = (*decide)(r)
		}
		if !fault.isNone() {
			p.faults.Add(1)
		}
		select {
		case <-r.Context().Done():
		case <-time.After(fault.Delay):
		}
		if fault.Drop {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, fault)))
	})
}

// rewrite does to an answer what the fault of its request says.
func rewrite(resp *http.Response) error {
	fault, _ := resp.Request.Context().Value(faultKey{}).(Fault)
	if fault.DropAnswer {
		panic(http.ErrAbortHandler)
	}
	if fault.Rewrite != nil {
		return fault.Rewrite(resp)
	}
	return nil
}

// forward passes requests on: with their own bearer token, in the name of their
// client certificate, or anonymously.
func forward(opts Options) http.Handler {
	return &httputil.ReverseProxy{
		FlushInterval:  -1, // a watch is a stream
		Transport:      opts.Transport,
		ModifyResponse: rewrite,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(opts.Upstream)
			r.Out.Header.Del("Impersonate-User")
			r.Out.Header.Del("Impersonate-Group")
			conn, ok := r.In.Context().Value(connKey{}).(*recordedConn)
			if !ok {
				return
			}
			switch tlsState := conn.ConnectionState(); {
			case len(tlsState.VerifiedChains) > 0:
				subject := tlsState.PeerCertificates[0].Subject
				r.Out.Header.Set("Impersonate-User", subject.CommonName)
				for _, group := range subject.Organization {
					r.Out.Header.Add("Impersonate-Group", group)
				}
			case r.In.Header.Get("Authorization") == "":
				r.Out.Header.Set("Impersonate-User", "system:anonymous")
				r.Out.Header.Add("Impersonate-Group", "system:unauthenticated")
			}
		},
	}
}

type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorder) add(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf.Write(p)
}

func (r *recorder) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.buf.Bytes())
}

// recordingListener hands out TLS connections whose plaintext is recorded.
type recordingListener struct {
	net.Listener
	record *recorder
}

func (l recordingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	secured, ok := conn.(*tls.Conn)
	if !ok {
		return nil, errors.Join(errors.New("not a TLS connection"), conn.Close())
	}
	return &recordedConn{secured, io.MultiWriter(secured, writerFunc(l.record.add)), l.record}, nil
}

// recordedConn records what a TLS connection carries.
type recordedConn struct {
	*tls.Conn
	out    io.Writer
	record *recorder
}

func (c *recordedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.record.add(p[:n])
	return n, err
}

func (c *recordedConn) Write(p []byte) (int, error) { return c.out.Write(p) }

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

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
	"io"
	"log"
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
	URL string

	opts     Options
	tls      *tls.Config
	listener net.Listener
	server   *http.Server
	record   recorder
	always   atomic.Pointer[func(*http.Response) error]
	fault    atomic.Pointer[func(*http.Request) Fault]
	wire     atomic.Pointer[Wire]
	faults   atomic.Int64
}

// Inject lets decide choose the fault of each request from now on; nil ends
// them.
func (p *Proxy) Inject(decide func(*http.Request) Fault) { p.fault.Store(&decide) }

// Always changes every answer from now on, before the fault of its request does,
// and is no fault.
func (p *Proxy) Always(rewrite func(*http.Response) error) { p.always.Store(&rewrite) }

// Faults returns how many requests and connections had a fault.
func (p *Proxy) Faults() int64 { return p.faults.Load() }

// Start starts a proxy. Close ends it.
func Start(opts Options) (*Proxy, error) {
	listener := opts.Listener
	if listener == nil {
		var err error
		if listener, err = listen(); err != nil {
			return nil, err
		}
	}
	p := &Proxy{URL: "https://" + listener.Addr().String(), opts: opts}
	// HTTP/1.1 alone, so that what is recorded is not packed in frames.
	p.tls = &tls.Config{
		Certificates: []tls.Certificate{opts.Certificate},
		ClientCAs:    opts.ClientCAs,
		ClientAuth:   tls.VerifyClientCertIfGiven,
		NextProtos:   []string{"http/1.1"},
		MinVersion:   tls.VersionTLS12,
	}
	p.server = &http.Server{
		Handler:           p.faulty(p.forward()),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	p.serve(listener)
	return p, nil
}

func (p *Proxy) serve(listener net.Listener) {
	p.listener = listener
	go p.server.Serve(proxyListener{listener, p}) //nolint:errcheck // ends with its listener
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() error {
	if pool, ok := p.opts.Transport.(interface{ CloseIdleConnections() }); ok {
		pool.CloseIdleConnections()
	}
	return p.server.Close()
}

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
		if !fault.IsNone() {
			p.faults.Add(1)
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(fault.Delay):
		}
		if fault.Drop {
			panic(http.ErrAbortHandler)
		}
		if fault.Repeat {
			repeat(next, r)
		}
		if fault.Answer != nil {
			fault.Answer(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, fault)))
	})
}

// repeat passes a request on whose answer nobody gets.
func repeat(next http.Handler, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what can be read is passed on
	lost := r.Clone(r.Context())
	lost.Body, r.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(&nowhere{}, lost)
}

// nowhere takes an answer and forgets it.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header {
	if n.header == nil {
		n.header = http.Header{}
	}
	return n.header
}

func (*nowhere) Write(p []byte) (int, error) { return len(p), nil }

func (*nowhere) WriteHeader(int) {}

// rewrite does to an answer what the fault of its request says.
func (p *Proxy) rewrite(resp *http.Response) error {
	fault, _ := resp.Request.Context().Value(faultKey{}).(Fault)
	if fault.DropAnswer {
		panic(http.ErrAbortHandler)
	}
	if always := p.always.Load(); always != nil {
		if err := (*always)(resp); err != nil {
			return err
		}
	}
	if fault.Rewrite != nil {
		return fault.Rewrite(resp)
	}
	return nil
}

// forward passes requests on: with their own bearer token, in the name of their
// client certificate, or anonymously.
func (p *Proxy) forward() http.Handler {
	return &httputil.ReverseProxy{
		FlushInterval:  -1, // a watch is a stream
		Transport:      p.opts.Transport,
		ModifyResponse: p.rewrite,
		ErrorLog:       log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(p.opts.Upstream)
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

// mostRecorded is where the record ends: some answers do not.
const mostRecorded = 16 << 20

type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorder) add(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf.Write(p[:min(len(p), mostRecorded-r.buf.Len())])
}

func (r *recorder) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.buf.Bytes())
}

// proxyListener hands out TLS connections whose plaintext is recorded, after the
// fault of the connection, if it has one.
type proxyListener struct {
	net.Listener
	proxy *Proxy
}

func (l proxyListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		var served net.Conn = tls.Server(conn, l.proxy.tls)
		if wire := l.proxy.wire.Load(); wire != nil && *wire != nil {
			l.proxy.faults.Add(1)
			served = (*wire)(conn, l.proxy.tls)
		}
		if secured, ok := served.(*tls.Conn); ok {
			record := &l.proxy.record
			return &recordedConn{secured, io.MultiWriter(secured, writerFunc(record.add)), record}, nil
		}
	}
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

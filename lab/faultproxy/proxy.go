// Package faultproxy is a TLS proxy in front of an API server, with a certificate
// issued by the lab's CA. It records the plaintext of its connections with the client,
// and delays, drops and rewrites requests and responses for a test.
//
// The proxy replaces a client certificate by impersonating its subject. Everything else
// is forwarded unchanged.
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

// Options are the options of a proxy.
type Options struct {
	// Upstream is the URL of the API server.
	Upstream *url.URL
	// Transport connects to the API server as an administrator, who can impersonate.
	Transport http.RoundTripper
	// Certificate is the proxy's certificate, and ClientCAs verify its clients.
	Certificate tls.Certificate
	ClientCAs   *x509.CertPool
	// Listener accepts connections; nil selects any loopback port.
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

// Inject sets the function that chooses the fault of each request; nil stops the
// faults.
func (p *Proxy) Inject(decide func(*http.Request) Fault) { p.fault.Store(&decide) }

// Always changes every response from now on, before the fault of its request, and does
// not count as a fault.
func (p *Proxy) Always(rewrite func(*http.Response) error) { p.always.Store(&rewrite) }

// Faults returns the number of requests and connections with a fault.
func (p *Proxy) Faults() int64 { return p.faults.Load() }

// Start starts a proxy. Close stops it.
func Start(opts Options) (*Proxy, error) {
	listener := opts.Listener
	if listener == nil {
		var err error
		if listener, err = listen(); err != nil {
			return nil, err
		}
	}
	p := &Proxy{URL: "https://" + listener.Addr().String(), opts: opts}
	// Only HTTP/1.1, so that the record has no HTTP/2 frames.
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

// Close stops the proxy and closes its connections.
func (p *Proxy) Close() error {
	if pool, ok := p.opts.Transport.(interface{ CloseIdleConnections() }); ok {
		pool.CloseIdleConnections()
	}
	return p.server.Close()
}

// Recorded returns all bytes so far, in both directions.
func (p *Proxy) Recorded() []byte { return p.record.bytes() }

// connKey is the context key of a request's connection, whose TLS state is known only
// after its first bytes.
type connKey struct{}

// faultKey is the context key of a request's fault.
type faultKey struct{}

// faulty applies a request's fault before the request is forwarded.
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

// repeat forwards a request and drops the response.
func repeat(next http.Handler, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // the readable part is forwarded
	lost := r.Clone(r.Context())
	lost.Body, r.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(&nowhere{}, lost)
}

// nowhere discards a response.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header {
	if n.header == nil {
		n.header = http.Header{}
	}
	return n.header
}

func (*nowhere) Write(p []byte) (int, error) { return len(p), nil }

func (*nowhere) WriteHeader(int) {}

// rewrite applies the fault of the request to its response.
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

// forward forwards requests with their bearer token, as the user of their client
// certificate, or anonymously.
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

// mostRecorded is the maximum size of the record, since some responses are endless.
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

// proxyListener returns TLS connections with the fault of the connection, if any, and
// records their plaintext.
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

// recordedConn records the plaintext of a TLS connection.
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

package faultproxy

import (
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// Wire is what is done to a connection: it returns what is served in its place,
// or nil where that is nothing. shown is what the proxy would show.
type Wire func(conn net.Conn, shown *tls.Config) net.Conn

// InjectWire does so to the connections that come from now on; nil ends it.
func (p *Proxy) InjectWire(wire Wire) { p.wire.Store(&wire) }

// BlackHole takes what comes and never answers.
func BlackHole() Wire {
	return func(conn net.Conn, _ *tls.Config) net.Conn {
		go func() {
			defer conn.Close()        //nolint:errcheck // nothing was said on it
			io.Copy(io.Discard, conn) //nolint:errcheck // ends with the client
		}()
		return nil
	}
}

// Reset resets the connection once the client was sent so many bytes.
func Reset(after int) Wire {
	return func(conn net.Conn, shown *tls.Config) net.Conn {
		cut := &cutConn{Conn: conn, left: after}
		if after == 0 {
			cut.reset()
			return nil
		}
		return tls.Server(cut, shown)
	}
}

type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:c.left])
	c.left = 0
	c.reset()
	return n, errors.Join(err, syscall.ECONNRESET)
}

func (c *cutConn) reset() {
	if conn, ok := c.Conn.(*net.TCPConn); ok {
		conn.SetLinger(0) //nolint:errcheck // it goes in any case
	}
	c.Close() //nolint:errcheck // it goes in any case
}

// Speak says a text where TLS is expected, and hangs up.
func Speak(text string) Wire {
	return func(conn net.Conn, _ *tls.Config) net.Conn {
		go func() {
			defer conn.Close()                  //nolint:errcheck // all was said
			conn.Read(make([]byte, 4096))       //nolint:errcheck // the hello, which means nothing here
			io.WriteString(conn, text)          //nolint:errcheck // the client may be gone
			io.CopyN(io.Discard, conn, 1<<16-1) //nolint:errcheck // so that it reads before we hang up
		}()
		return nil
	}
}

// Show serves TLS in another way.
func Show(change func(*tls.Config)) Wire {
	return func(conn net.Conn, shown *tls.Config) net.Conn {
		changed := shown.Clone()
		change(changed)
		return tls.Server(conn, changed)
	}
}

// ClosePort makes the proxy's port refuse connections until OpenPort; those that
// there are stay.
func (p *Proxy) ClosePort() error {
	p.faults.Add(1)
	return p.listener.Close()
}

// OpenPort ends ClosePort.
func (p *Proxy) OpenPort() error {
	listener, err := net.Listen("tcp", p.listener.Addr().String())
	if err != nil {
		return err
	}
	p.serve(listener)
	return nil
}

// listen takes a port below those that systems hand out to outgoing connections,
// so that no such connection has it when the port is opened again.
func listen() (net.Listener, error) {
	const first, count, tries = 30000, 2700, 50
	var last error
	for range tries {
		port := first + rand.IntN(count) //nolint:gosec // a port, not a secret
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return listener, nil
		}
		last = err
	}
	return nil, last
}

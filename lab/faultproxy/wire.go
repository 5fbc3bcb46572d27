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

// Wire is a fault of a connection: it returns the connection to serve instead, or nil
// for none. shown is the proxy's TLS configuration.
type Wire func(conn net.Conn, shown *tls.Config) net.Conn

// InjectWire sets the fault of new connections; nil removes it.
func (p *Proxy) InjectWire(wire Wire) { p.wire.Store(&wire) }

// BlackHole reads everything and never responds.
func BlackHole() Wire {
	return func(conn net.Conn, _ *tls.Config) net.Conn {
		go func() {
			defer conn.Close()        //nolint:errcheck // nothing was written
			io.Copy(io.Discard, conn) //nolint:errcheck // ends with the client
		}()
		return nil
	}
}

// Reset resets the connection after that many bytes were sent to the client.
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
		conn.SetLinger(0) //nolint:errcheck // the connection is discarded
	}
	c.Close() //nolint:errcheck // the connection is discarded
}

// Speak sends a text where TLS is expected, and closes the connection.
func Speak(text string) Wire {
	return func(conn net.Conn, _ *tls.Config) net.Conn {
		go func() {
			defer conn.Close()                  //nolint:errcheck // everything was sent
			conn.Read(make([]byte, 4096))       //nolint:errcheck // the client hello, which is ignored
			io.WriteString(conn, text)          //nolint:errcheck // the client may be gone
			io.CopyN(io.Discard, conn, 1<<16-1) //nolint:errcheck // lets the client read before the close
		}()
		return nil
	}
}

// Show serves TLS with a changed configuration.
func Show(change func(*tls.Config)) Wire {
	return func(conn net.Conn, shown *tls.Config) net.Conn {
		changed := shown.Clone()
		change(changed)
		return tls.Server(conn, changed)
	}
}

// ClosePort makes the proxy's port refuse connections until OpenPort is called. Open
// connections are kept.
func (p *Proxy) ClosePort() error {
	p.faults.Add(1)
	return p.listener.Close()
}

// OpenPort opens the port that ClosePort closed.
func (p *Proxy) OpenPort() error {
	listener, err := net.Listen("tcp", p.listener.Addr().String())
	if err != nil {
		return err
	}
	p.serve(listener)
	return nil
}

// listen uses a port below the range for outgoing connections, so that no such
// connection occupies it when the port is opened again.
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

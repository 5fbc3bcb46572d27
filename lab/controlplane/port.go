package controlplane

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/bootctl/bootctl/internal/durable"
)

// A PortError means that another process listens on the lab's port. The port never
// changes, because cluster-info and the kubeconfig of every joined node contain it.
type PortError struct {
	Port int
	Err  error
}

func (e *PortError) Error() string {
	return fmt.Sprintf("port %d, which belongs to this lab, is taken: %v", e.Port, e.Err)
}

func (e *PortError) Unwrap() error { return e.Err }

// record is the content of lab.json.
type record struct {
	Port int `json:"port"`
}

// listen listens on the port recorded in the file, or on a free port, which it
// records in the file.
func listen(file string) (net.Listener, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return listenFirst(file)
	}
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil || r.Port < 1 || r.Port > 65535 {
		return nil, fmt.Errorf("read %s: it has no valid port", file)
	}
	l, err := listenSoon(r.Port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &PortError{Port: r.Port, Err: err}
	}
	return l, err
}

// listenSoon waits for a port for up to 5 s, because the kernel releases the lock of a
// killed server before it releases the port.
func listenSoon(port int) (net.Listener, error) {
	const tries, pause = 100, 50 * time.Millisecond
	for range tries {
		l, err := listenOn(port)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
		time.Sleep(pause)
	}
	return listenOn(port)
}

func listenOn(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

// listenFirst uses a port below the range for outgoing connections, so that no such
// connection occupies it when the lab starts again.
func listenFirst(file string) (net.Listener, error) {
	const first, count, tries = 20000, 10000, 50
	var last error
	for range tries {
		n, err := rand.Int(rand.Reader, big.NewInt(count))
		if err != nil {
			return nil, err
		}
		port := first + int(n.Int64())
		l, err := listenOn(port)
		if err != nil {
			last = err
			continue
		}
		data, err := json.Marshal(record{Port: port})
		if err == nil {
			err = durable.WriteFile(file, append(data, '\n'), 0o600)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		return l, nil
	}
	return nil, fmt.Errorf("find a free port on 127.0.0.1: %w", last)
}

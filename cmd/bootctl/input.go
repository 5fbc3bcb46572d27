package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/token"
)

// maxTokenFile bounds what is read in search of a token.
const maxTokenFile = 1 << 10

// readToken reads a token from a file, or from stdin when it is "-". One line
// end after the token is taken off.
func (e *env) readToken(file string) (token.Token, error) {
	in := e.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return token.Token{}, err
		}
		defer f.Close() //nolint:errcheck // only read
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxTokenFile))
	if err != nil {
		return token.Token{}, fmt.Errorf("read the token: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	return token.Parse(line)
}

// readCAs reads a file of PEM certificates.
func readCAs(file string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	certs, err := certpem.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errInput, file, err)
	}
	return certs, nil
}

// parseTTL reads a lifetime: a Go duration, whole days such as 7d, or never or 0
// for none, which it returns as 0.
func parseTTL(s string) (time.Duration, error) {
	if s == "never" || s == "0" {
		return 0, nil
	}
	ttl, err := time.ParseDuration(s)
	if days, isDays := strings.CutSuffix(s, "d"); isDays {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		ttl = time.Duration(n) * 24 * time.Hour
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: --ttl %q is not a lifetime like 90m, 24h, 7d or never", errInput, s)
	case ttl == 0:
		return 0, nil
	case ttl < time.Second:
		return 0, fmt.Errorf("%w: --ttl %q ends before the token can be used; never makes one without end", errInput, s)
	}
	return ttl, nil
}

// lifetime prints a duration as people read it: its largest two units.
func lifetime(d time.Duration) string {
	switch {
	case d <= 0:
		return "over"
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

package kubeclient

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// ErrTooLarge means that the server sent more than such an answer can hold.
var ErrTooLarge = errors.New("the server's answer is too large")

// Call tells of one finished request.
type Call struct {
	Method, Path string
	As           string
	// Status is the HTTP status; 0 when Err says why there was none.
	Status   int
	Duration time.Duration
	Err      error
	// Date is the server's clock as the answer gives it; zero when it does not.
	Date time.Time
}

// observed reports each request. It sits outside authentication.
type observed struct {
	next    http.RoundTripper
	as      string
	observe func(Call)
}

func (o observed) RoundTrip(req *http.Request) (*http.Response, error) {
	if o.observe == nil {
		return o.next.RoundTrip(req)
	}
	start := monotonic()
	resp, err := o.next.RoundTrip(req)
	call := Call{Method: req.Method, Path: req.URL.RequestURI(), As: o.as, Duration: start(), Err: err}
	if resp != nil {
		call.Status = resp.StatusCode
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			call.Date = date
		}
	}
	o.observe(call)
	return resp, err
}

// monotonic returns a function that tells the time since the call.
func monotonic() func() time.Duration {
	start := time.Now() //nolint:forbidigo // a duration, not a point in time
	return func() time.Duration {
		return time.Since(start) //nolint:forbidigo // a duration, not a point in time
	}
}

// bodyLimiter bounds the bodies of answers, after decompression.
type bodyLimiter struct {
	next  http.RoundTripper
	limit func(*http.Request) int64
}

func (c bodyLimiter) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, tooLarge(err)
	}
	resp.Body = &cappedBody{resp.Body, c.limit(req)}
	return resp, nil
}

// tooLarge makes ErrTooLarge of what net/http says of headers over the limit, for
// which it has no error to match.
func tooLarge(err error) error {
	for _, text := range []string{"server response headers exceeded", "response header list larger than"} {
		if strings.Contains(err.Error(), text) {
			return fmt.Errorf("%w: %w", ErrTooLarge, err)
		}
	}
	return err
}

type cappedBody struct {
	io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	if err == nil || err == io.EOF || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return n, err
	}
	return n, &brokenError{err}
}

// brokenError is an answer that broke off. HTTP/2 has errors of its own for that,
// such as GOAWAY, which net/http does not let others match.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func (e *brokenError) Unwrap() error { return e.err }

type warningHandler struct{ warn func(string) }

func (h warningHandler) HandleWarningHeaderWithContext(_ context.Context, code int, _ string, text string) {
	if h.warn != nil && code == 299 && text != "" {
		h.warn(text)
	}
}

package kubeclient

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// ErrTooLarge means that a response is larger than any valid response to the request.
var ErrTooLarge = errors.New("the server's response is too large")

// ErrNotAPIServer means that a response did not come from an API server.
var ErrNotAPIServer = errors.New("the server is not an API server")

// contentTypeChecker rejects successful responses in a format that no API server uses,
// such as the login page of a proxy.
type contentTypeChecker struct{ next http.RoundTripper }

func (g contentTypeChecker) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(req)
	if err != nil || resp.StatusCode >= http.StatusMultipleChoices {
		return resp, err
	}
	if err := checkContentType(req, resp); err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	return resp, nil
}

// checkContentType checks the content type of the response and, if it is a single
// object, its first bytes.
func checkContentType(req *http.Request, resp *http.Response) error {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	isProtobuf := kind == "application/vnd.kubernetes.protobuf"
	if err != nil || !isProtobuf && kind != "application/json" {
		return fmt.Errorf("%w: its response has the content type %q", ErrNotAPIServer, resp.Header.Get("Content-Type"))
	}
	if isWatch(req) {
		return nil
	}
	body := bufio.NewReader(resp.Body)
	begin, err := body.Peek(len("k8s\x00"))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{body, resp.Body}
	switch trimmed := bytes.TrimSpace(begin); {
	case err != nil && !errors.Is(err, io.EOF): // the reader of the body gets the same error
		return nil
	case isProtobuf && string(begin) == "k8s\x00", !isProtobuf && strings.HasPrefix(string(trimmed), "{"):
		return nil
	}
	return fmt.Errorf("%w: its response is not an API object", ErrNotAPIServer)
}

func isWatch(req *http.Request) bool { return req.URL.Query().Get("watch") != "" }

// Limits on responses.
const (
	maxHeader = 64 << 10
	maxObject = 4 << 20   // etcd stores 1.5 MB, and cluster-info filled with signatures has 1.6 MB
	maxList   = 256 << 20 // one page of the largest objects that etcd stores
)

// bodyLimit returns how large the response to a request may be: one object, a page of
// a list, or the events of many objects.
func bodyLimit(req *http.Request) int64 {
	query := req.URL.Query()
	isOne := strings.HasPrefix(query.Get("fieldSelector"), "metadata.name=")
	if query.Has("limit") || isWatch(req) && !isOne {
		return maxList
	}
	return maxObject
}

// bodyLimiter limits the bodies of responses, after decompression.
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

// tooLarge returns ErrTooLarge for the error of net/http about headers over the limit,
// which has no type or value to match.
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

// brokenError means that a response was cut off. HTTP/2 has its own errors for that,
// such as GOAWAY, which net/http does not export.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func (e *brokenError) Unwrap() error { return e.err }

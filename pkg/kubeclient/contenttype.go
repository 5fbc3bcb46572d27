package kubeclient

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// ErrNotAPIServer means that the answer is none of an API server.
var ErrNotAPIServer = errors.New("what answers is not an API server")

// contentTypeChecker refuses answers of success in a form that no API server uses, such as
// the page of a proxy that wants a log-in.
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

// checkContentType looks at the type of the answer and, where it is one object, at its
// first bytes.
func checkContentType(req *http.Request, resp *http.Response) error {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	isProtobuf := kind == "application/vnd.kubernetes.protobuf"
	if err != nil || !isProtobuf && kind != "application/json" {
		return fmt.Errorf("%w: its answer is of the type %q", ErrNotAPIServer, resp.Header.Get("Content-Type"))
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
	case err != nil && !errors.Is(err, io.EOF): // the reader of the body sees it too
		return nil
	case isProtobuf && string(begin) == "k8s\x00", !isProtobuf && strings.HasPrefix(string(trimmed), "{"):
		return nil
	}
	return fmt.Errorf("%w: its answer is no object", ErrNotAPIServer)
}

func isWatch(req *http.Request) bool { return req.URL.Query().Get("watch") != "" }

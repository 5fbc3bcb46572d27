package kubeclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// ErrDownload means that a web server does not provide the document.
var ErrDownload = errors.New("the server does not provide the document")

// downloadOp marks the errors of requests for a document.
const downloadOp = "Download"

// IsDownload reports whether a request for a document failed, not one to an API server.
func IsDownload(err error) bool {
	failed, ok := errors.AsType[*url.Error](err)
	return ok && failed.Op == downloadOp
}

// Download returns the document at an https URL, whose server must have a certificate
// from a CA that this machine trusts. It does not follow redirects, and reads at most
// limit bytes within the options' timeout. Errors name the URL without its query, which
// may be a secret. They match ErrDownload if the server does not provide the document.
func Download(ctx context.Context, from *url.URL, limit int64, opts Options) ([]byte, error) {
	shown := (&url.URL{Scheme: from.Scheme, Host: from.Host, Path: from.Path}).String()
	text, err := download(ctx, from, limit, opts)
	if bare, ok := errors.AsType[*url.Error](err); ok {
		bare.Op, bare.URL = downloadOp, shown
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", shown, err)
	}
	return text, nil
}

func download(ctx context.Context, from *url.URL, limit int64, opts Options) ([]byte, error) {
	transport, err := newTransport(&rest.Config{}, opts)
	if err != nil {
		return nil, err
	}
	defer transport.CloseIdleConnections()
	client := httpClient(bodyLimiter{transport, func(*http.Request) int64 { return limit }}, opts.Timeout)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // the body has been read
	switch {
	case isOverloaded(resp.StatusCode):
		return nil, apierrors.NewGenericServerResponse(resp.StatusCode, "get", schema.GroupResource{}, "", "", 0, true)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %s", ErrDownload, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

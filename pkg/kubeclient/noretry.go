package kubeclient

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes/scheme"
)

// ErrConnectionClosed means that the server closed the connection without a response.
var ErrConnectionClosed = errors.New("the server closed the connection without a response")

// isSingle marks the context of a request that client-go must not retry.
type isSingle struct{}

// noRetry makes one call one request. By default client-go retries a request up to ten
// times without reporting it, after sleeping as long as the server asked for. That suits
// a command that makes a single call; within Until it would hide the error and bypass
// the limit on Retry-After.
type noRetry struct{ next http.RoundTripper }

func (s noRetry) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	if req.Context().Value(isSingle{}) == nil {
		return resp, err
	}
	if utilnet.IsProbableEOF(err) || utilnet.IsConnectionReset(err) {
		return nil, ErrConnectionClosed
	}
	if err != nil {
		return nil, err
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || !isOverloaded(resp.StatusCode) {
		return resp, nil
	}
	return nil, retryAfterError(resp, req.Method, seconds)
}

// retryAfterError returns the error of a server that asks for a later retry.
func retryAfterError(resp *http.Response, method string, seconds int) error {
	defer resp.Body.Close() //nolint:errcheck // the body has been read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	refusal := apierrors.NewGenericServerResponse(resp.StatusCode, method, schema.GroupResource{}, "", "", seconds, false)
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if status, ok := object.(*metav1.Status); ok && err == nil && status.Status == metav1.StatusFailure {
		refusal.ErrStatus.Reason, refusal.ErrStatus.Message = status.Reason, status.Message
	}
	return refusal
}

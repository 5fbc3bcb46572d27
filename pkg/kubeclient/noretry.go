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

// ErrConnectionClosed means that the server closed the connection without an answer.
var ErrConnectionClosed = errors.New("the server closed the connection without an answer")

// isSingle marks the context of a request that client-go must not repeat.
type isSingle struct{}

// noRetry makes a call one request. By itself client-go repeats a request up to
// ten times, unheard, after sleeping as long as the server asked for. That is
// right for a command that asks once; within Until it would hide the cause and
// pass over the bound on Retry-After.
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

// retryAfterError returns the answer of a server that asks to be asked again.
func retryAfterError(resp *http.Response, method string, seconds int) error {
	defer resp.Body.Close() //nolint:errcheck // what could be read was
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

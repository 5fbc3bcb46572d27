package csr

import (
	"context"
	"errors"
	"fmt"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Ends of a request other than a certificate, and the states before.
var (
	ErrNotFound = errors.New("no such request")
	// ErrPending means that nobody has approved or denied the request yet.
	ErrPending = errors.New("pending: nobody has approved it yet")
	// ErrUnsigned means that the request is approved but has no certificate.
	ErrUnsigned = errors.New("approved, but its signer has not signed it yet")
	// ErrReplaced means that the request of this name is another object.
	ErrReplaced = errors.New("the request of this name is another one")
	// ErrDenied and ErrFailed match a *RefusedError.
	ErrDenied = errors.New("denied")
	ErrFailed = errors.New("failed by its signer")
)

// RequestError is an error about one request, such as one that matches ErrPending.
type RequestError struct {
	Name string
	Err  error
}

func (e *RequestError) Error() string { return fmt.Sprintf("request %s: %v", e.Name, e.Err) }

// Unwrap returns what is wrong with the request.
func (e *RequestError) Unwrap() error { return e.Err }

// RefusedError says why there will be no certificate. It matches ErrDenied or
// ErrFailed.
type RefusedError struct {
	Name            string
	End             error // ErrDenied or ErrFailed
	Reason, Message string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("request %s: %v (%s): %s", e.Name, e.End, e.Reason, e.Message)
}

func (e *RefusedError) Unwrap() error { return e.End }

// WaitOptions say how to wait.
type WaitOptions struct {
	// Observer receives the state of the CSR as Waiting, once it has lasted a moment,
	// and again when it changes.
	Observer kubeclient.Observer
	// Explain returns why a CSR waits, once it has done so for half a minute; nil means
	// the function Explain with AutoApprovalUnknown.
	Explain func(Request) string
}

// How long a CSR may be unfinished before the observer receives its state, and before
// that is explained.
const (
	slowAfter = 1500 * time.Millisecond
	silence   = 30 * time.Second
)

// A watch stays open although its token was deleted meanwhile, so it is opened
// anew: first when the API server may have forgotten that the token was good,
// which it remembers for ten seconds, then every two seconds, and after half a
// minute more and more seldom.
const (
	firstWindow  = 10 * time.Second
	shortWindow  = 2 * time.Second
	longWindow   = 15 * time.Second
	shortWindows = 15
	// grace is how much longer than its window a watch may last before its
	// connection counts as dead.
	grace = 3 * time.Second
)

// window returns how long the n-th watch shall last, counted from 0.
func window(n int) time.Duration {
	switch {
	case n == 0:
		return firstWindow
	case n <= shortWindows:
		return shortWindow
	}
	return min(time.Duration(n-shortWindows+2)*time.Second, longWindow)
}

// Wait follows the request until it has a certificate, which it returns as PEM.
// It returns an error that matches ErrDenied, ErrFailed, ErrNotFound or
// ErrReplaced as soon as that is so, and at the deadline of ctx an
// *kubeclient.DeadlineError over what was last seen, such as ErrPending.
//
// Access: get and watch on certificatesigningrequests.
func Wait(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, request *certificatesv1.CertificateSigningRequest, opts WaitOptions) ([]byte, error) {
	said := ""
	tell := func(event kubeclient.Event) { // Until reports the end of each watch, follow the time within
		if text := event.Waiting.Error(); text != said {
			said = text
			opts.Observer.Notify(event)
		}
	}
	explain := opts.Explain
	if explain == nil {
		explain = func(r Request) string { return Explain(r, AutoApprovalUnknown) }
	}
	w := &waiter{
		requests: client.CertificateSigningRequests(), name: request.Name, uid: request.UID, tell: tell, explain: explain,
		request: request, slow: time.NewTimer(slowAfter), silent: time.NewTimer(silence),
	}
	defer w.slow.Stop()
	defer w.silent.Stop()
	var certificate []byte
	err := kubeclient.Until(ctx, kubeclient.Wait{Transient: kubeclient.TolerateAuthErrors(transient), Observer: tell}, func(ctx context.Context) error {
		if w.request == nil {
			var err error
			if w.request, err = get(ctx, w.requests, w.name); err != nil {
				return err
			}
		}
		var err error
		certificate, err = w.follow(ctx)
		w.request = nil
		return err
	})
	return certificate, err
}

func transient(err error) bool {
	return errors.Is(err, ErrPending) || errors.Is(err, ErrUnsigned) || apierrors.IsResourceExpired(err) || kubeclient.IsTransient(err)
}

type waiter struct {
	requests certificatesv1client.CertificateSigningRequestInterface
	name     string
	uid      types.UID
	tell     kubeclient.Observer
	explain  func(Request) string
	// request is as it was last seen, nil when it must be read anew, and state what
	// it waits for.
	request *certificatesv1.CertificateSigningRequest
	state   error
	windows int // watches so far
	// slow fires when it is time to say what is waited for; isSlow is set then.
	slow   *time.Timer
	isSlow bool
	// silent fires when a state has lasted; since is its text, and explained the
	// same with who is silent.
	silent    *time.Timer
	since     string
	explained error
}

func get(ctx context.Context, requests certificatesv1client.CertificateSigningRequestInterface, name string) (*certificatesv1.CertificateSigningRequest, error) {
	request, err := requests.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, &RequestError{name, ErrNotFound}
	}
	if err != nil {
		return nil, fmt.Errorf("get request %s: %w", name, err)
	}
	return request, nil
}

// follow watches until the request ends or a watch does before its time, when it
// returns the state last seen.
func (w *waiter) follow(ctx context.Context) ([]byte, error) {
	certificate := w.see(w.request)
	for inTime := true; inTime && transient(w.state); {
		var err error
		if certificate, inTime, err = w.watch(ctx); err != nil {
			return nil, err
		}
	}
	return certificate, w.state
}

// watch opens one watch. It returns the certificate when that comes, and else
// whether the watch lasted as long as it should.
func (w *waiter) watch(ctx context.Context) (certificate []byte, inTime bool, err error) {
	length := window(w.windows)
	w.windows++
	seconds := int64(length / time.Second)
	ctx, cancel := context.WithTimeout(ctx, length+grace)
	defer cancel()
	stream, err := w.requests.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", w.name).String(),
		ResourceVersion: w.request.ResourceVersion,
		TimeoutSeconds:  &seconds,
	})
	if err != nil {
		return nil, false, fmt.Errorf("watch request %s: %w", w.name, err)
	}
	defer stream.Stop()
	half := time.NewTimer(length / 2)
	defer half.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, false, nil
		case <-half.C:
			inTime = true
		case <-w.slow.C:
			w.isSlow = true
		case <-w.silent.C:
			w.explained = fmt.Errorf("%w; %s", w.state, w.explain(Decode(w.request)))
			w.state = w.explained
		case event, ok := <-stream.ResultChan():
			if !ok {
				return nil, inTime, nil
			}
			if event.Type == watch.Deleted {
				return nil, false, &RequestError{w.name, fmt.Errorf("%w: it was deleted", ErrNotFound)}
			}
			changed, ok := event.Object.(*certificatesv1.CertificateSigningRequest)
			if !ok { // an error, such as of a version that is too old
				return nil, false, nil
			}
			if event.Type == watch.Bookmark || changed.Name != w.name {
				continue
			}
			if certificate := w.see(changed); !transient(w.state) {
				return certificate, false, nil
			}
		}
		if w.isSlow {
			w.tell.Notify(kubeclient.Event{Waiting: w.state})
		}
	}
}

// see takes the request as it is now: its certificate, or else its state, with who
// is silent where that is known of the same state.
func (w *waiter) see(request *certificatesv1.CertificateSigningRequest) []byte {
	w.request = request
	certificate, state := State(request)
	if w.uid != "" && request.UID != w.uid {
		certificate, state = nil, &RequestError{w.name, ErrReplaced}
	}
	w.state = state
	if state == nil {
		return certificate
	}
	if state.Error() != w.since {
		w.since, w.explained = state.Error(), nil
		w.silent.Reset(silence)
	}
	if w.explained != nil {
		w.state = w.explained
	}
	return certificate
}

// State returns the certificate of a stored CSR, or why it has none: an error that
// matches ErrPending, ErrUnsigned, ErrDenied or ErrFailed.
func State(request *certificatesv1.CertificateSigningRequest) (certificate []byte, err error) {
	state := ErrPending
	for _, condition := range request.Status.Conditions {
		if !isTrue(condition) {
			continue
		}
		switch condition.Type {
		case certificatesv1.CertificateDenied:
			return nil, &RefusedError{request.Name, ErrDenied, condition.Reason, condition.Message}
		case certificatesv1.CertificateFailed:
			return nil, &RefusedError{request.Name, ErrFailed, condition.Reason, condition.Message}
		case certificatesv1.CertificateApproved:
			state = ErrUnsigned
		}
	}
	if len(request.Status.Certificate) > 0 && errors.Is(state, ErrUnsigned) {
		return request.Status.Certificate, nil
	}
	return nil, &RequestError{request.Name, state}
}

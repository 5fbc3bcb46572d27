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
	// ErrDenied and ErrFailed mean that there will be no certificate.
	ErrDenied = errors.New("denied")
	ErrFailed = errors.New("failed by its signer")
)

// RequestError is an error about one request, such as one that matches ErrPending, or
// ErrDenied with the reason and the message.
type RequestError struct {
	Name string
	Err  error
}

func (e *RequestError) Error() string { return fmt.Sprintf("request %s: %v", e.Name, e.Err) }

// Unwrap returns what is wrong with the request.
func (e *RequestError) Unwrap() error { return e.Err }

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
	if n == 0 {
		return firstWindow
	}
	return min(max(shortWindow, time.Duration(n-shortWindows+2)*time.Second), longWindow)
}

// Wait follows the request until it has a certificate, which it returns as PEM.
// It returns an error that matches ErrDenied, ErrFailed, ErrNotFound or
// ErrReplaced as soon as that is so, and at the deadline of ctx an
// *kubeclient.DeadlineError over what was last seen, such as ErrPending.
//
// Access: get and watch on certificatesigningrequests.
func Wait(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, request *certificatesv1.CertificateSigningRequest, opts WaitOptions) ([]byte, error) {
	if opts.Explain == nil {
		opts.Explain = func(r Request) string { return Explain(r, AutoApprovalUnknown) }
	}
	w := &waiter{WaitOptions: opts, client: client, uid: string(request.UID), slow: time.NewTimer(slowAfter), silent: time.NewTimer(silence)}
	defer w.slow.Stop()
	defer w.silent.Stop()
	w.see(Decode(request))
	wait := kubeclient.Wait{Transient: kubeclient.TolerateAuthErrors(transient), Observer: w.tell}
	if err := kubeclient.Until(ctx, wait, w.follow); err != nil {
		return nil, err
	}
	return w.request.Certificate, nil
}

func transient(err error) bool {
	return errors.Is(err, ErrPending) || errors.Is(err, ErrUnsigned) || apierrors.IsResourceExpired(err) || kubeclient.IsTransient(err)
}

// waiter follows one request.
type waiter struct {
	WaitOptions
	client certificatesv1client.CertificateSigningRequestsGetter
	uid    string
	said   string // last to the observer
	// request is as it was last seen, and state what it waits for. It is stale when it
	// must be read anew.
	request Request
	state   error
	stale   bool
	windows int // watches so far
	// slow fires when it is time to say what is waited for; isSlow is set then.
	slow   *time.Timer
	isSlow bool
	// silent fires when a state has lasted; who is silent then.
	silent *time.Timer
	who    string
}

// tell passes on what differs from what was said last: Until reports the end of each
// watch, and watch the time within.
func (w *waiter) tell(event kubeclient.Event) {
	if text := event.Waiting.Error(); text != w.said {
		w.said = text
		w.Observer.Notify(event)
	}
}

// follow watches until the request ends or a watch does before its time, when it
// returns the state last seen.
func (w *waiter) follow(ctx context.Context) error {
	if w.stale {
		request, err := Get(ctx, w.client, Request{Name: w.request.Name})
		if err != nil {
			return err
		}
		w.see(request)
	}
	w.stale = true
	for inTime := true; inTime && transient(w.state); {
		var err error
		if inTime, err = w.watch(ctx); err != nil {
			return err
		}
	}
	return w.cause()
}

// watch opens one watch, and ends with it or when the request ends. It reports whether
// the watch lasted as long as it should.
func (w *waiter) watch(ctx context.Context) (inTime bool, err error) {
	length := window(w.windows)
	w.windows++
	seconds := int64(length / time.Second)
	ctx, cancel := context.WithTimeout(ctx, length+grace)
	defer cancel()
	stream, err := w.client.CertificateSigningRequests().Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", w.request.Name).String(),
		ResourceVersion: w.request.stored.ResourceVersion,
		TimeoutSeconds:  &seconds,
	})
	if err != nil {
		return false, fmt.Errorf("watch request %s: %w", w.request.Name, err)
	}
	defer stream.Stop()
	half := time.NewTimer(length / 2)
	defer half.Stop()
	for transient(w.state) {
		if w.isSlow {
			w.tell(kubeclient.Event{Waiting: w.cause()})
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-half.C:
			inTime = true
		case <-w.slow.C:
			w.isSlow = true
		case <-w.silent.C:
			w.who = w.Explain(w.request)
		case event, open := <-stream.ResultChan():
			switch changed, isRequest := event.Object.(*certificatesv1.CertificateSigningRequest); {
			case !open:
				return inTime, nil
			case event.Type == watch.Deleted:
				return false, &RequestError{w.request.Name, fmt.Errorf("%w: it was deleted", ErrNotFound)}
			case !isRequest: // an error, such as of a version that is too old
				return false, nil
			case event.Type != watch.Bookmark && changed.Name == w.request.Name:
				w.see(Decode(changed))
			}
		}
	}
	return false, nil
}

// see takes the request as it is now. Who is silent is known of the same state only.
func (w *waiter) see(request Request) {
	before := w.state
	w.request, w.state = request, request.State()
	if w.uid != "" && request.UID != w.uid {
		w.state = &RequestError{request.Name, ErrReplaced}
	}
	if before == nil || w.state == nil || w.state.Error() != before.Error() {
		w.who = ""
		w.silent.Reset(silence)
	}
}

// cause is the state, with who is silent where that is known.
func (w *waiter) cause() error {
	if w.who == "" {
		return w.state
	}
	return fmt.Errorf("%w; %s", w.state, w.who)
}

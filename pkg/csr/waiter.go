package csr

import (
	"context"
	"fmt"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// waiter follows one request.
type waiter struct {
	WaitOptions
	client certificatesv1client.CertificateSigningRequestsGetter
	uid    string
	said   string // last to the observer
	// request is as it was last seen, and state what it waits for.
	request Request
	state   error
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
	if w.windows > 0 { // what was last seen may have changed since
		request, err := Get(ctx, w.client, Request{Name: w.request.Name})
		if err != nil {
			return err
		}
		w.see(request)
	}
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
	ctx, cancel := context.WithTimeout(ctx, length+grace)
	defer cancel()
	stream, err := w.client.CertificateSigningRequests().Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", w.request.Name).String(),
		ResourceVersion: w.request.stored.ResourceVersion,
		TimeoutSeconds:  new(int64(length / time.Second)),
	})
	if err != nil {
		return false, fmt.Errorf("watch request %s: %w", w.request.Name, err)
	}
	defer stream.Stop()
	half := time.NewTimer(length / 2)
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

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

// waiter follows one CSR.
type waiter struct {
	WaitOptions
	client   certificatesv1client.CertificateSigningRequestsGetter
	uid      string
	reported string // last, to the observer
	// request is the CSR as last read, and state its state.
	request Request
	state   error
	windows int // watches so far
	// slow fires when it is time to report the state; isSlow is set then.
	slow   *time.Timer
	isSlow bool
	// unchanged fires when a state has lasted; explanation is set then.
	unchanged   *time.Timer
	explanation string
}

// report passes on a state that differs from the last one: Until reports it at the end of
// each watch, and watch in between.
func (w *waiter) report(event kubeclient.Event) {
	if text := event.Waiting.Error(); text != w.reported {
		w.reported = text
		w.Observer.Notify(event)
	}
}

// follow watches until the CSR is no longer waiting or a watch ends early, and returns the
// last state.
func (w *waiter) follow(ctx context.Context) error {
	if w.windows > 0 { // the CSR may have changed since
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

// watch opens one watch, and returns when it ends or the CSR is no longer waiting. It
// reports whether the watch lasted long enough.
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
		return false, fmt.Errorf("watch CSR %s: %w", w.request.Name, err)
	}
	defer stream.Stop()
	half := time.NewTimer(length / 2)
	for transient(w.state) {
		if w.isSlow {
			w.report(kubeclient.Event{Waiting: w.cause()})
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-half.C:
			inTime = true
		case <-w.slow.C:
			w.isSlow = true
		case <-w.unchanged.C:
			w.explanation = w.Explain(w.request)
		case event, open := <-stream.ResultChan():
			switch changed, isRequest := event.Object.(*certificatesv1.CertificateSigningRequest); {
			case !open:
				return inTime, nil
			case event.Type == watch.Deleted:
				return false, &RequestError{w.request.Name, fmt.Errorf("%w: it was deleted", ErrNotFound)}
			case !isRequest: // an error, such as that the version is too old
				return false, nil
			case event.Type != watch.Bookmark && changed.Name == w.request.Name:
				w.see(Decode(changed))
			}
		}
	}
	return false, nil
}

// see records the current CSR. An explanation is only valid for the same state.
func (w *waiter) see(request Request) {
	before := w.state
	w.request, w.state = request, request.State()
	if w.uid != "" && request.UID != w.uid {
		w.state = &RequestError{request.Name, ErrReplaced}
	}
	if before == nil || w.state == nil || w.state.Error() != before.Error() {
		w.explanation = ""
		w.unchanged.Reset(explainAfter)
	}
}

// cause returns the state, with the explanation if there is one.
func (w *waiter) cause() error {
	if w.explanation == "" {
		return w.state
	}
	return fmt.Errorf("%w; %s", w.state, w.explanation)
}

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

	"github.com/bootctl/bootctl/internal/apiclient"
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
	// Cause is told what is waited for, once it has lasted a moment, and
	// again when it changes. It must not be nil.
	Cause func(error)
	// Explain says who keeps a request waiting, once it has done so for half a
	// minute: nil stands for Explain with no more facts than the request itself.
	Explain func(Request) string
}

// How long a request may be unfinished before Cause hears of it, and before it
// hears who keeps it waiting.
const (
	patience = 1500 * time.Millisecond
	silence  = 30 * time.Second
)

// Wait follows the request until it has a certificate, which it returns as PEM.
// It returns an error that matches ErrDenied, ErrFailed, ErrNotFound or
// ErrReplaced as soon as that is so, and at the deadline of ctx an
// *apiclient.DeadlineError over what was last seen, such as ErrPending.
//
// Access: get and watch on certificatesigningrequests.
func Wait(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, request *certificatesv1.CertificateSigningRequest, opts WaitOptions) ([]byte, error) {
	said := ""
	tell := func(err error) { // Until tells of the end of each watch, follow of the time within
		if err.Error() != said {
			said = err.Error()
			opts.Cause(err)
		}
	}
	explain := opts.Explain
	if explain == nil {
		explain = func(r Request) string { return Explain(r, AutoApprovalUnknown) }
	}
	w := &waiter{requests: client.CertificateSigningRequests(), name: request.Name, uid: request.UID, tell: tell, explain: explain, silent: time.NewTimer(silence)}
	defer w.silent.Stop()
	current := request
	var certificate []byte
	err := apiclient.Until(ctx, apiclient.Wait{Transient: transient, Cause: tell}, func(ctx context.Context) error {
		var err error
		if current == nil {
			if current, err = get(ctx, w.requests, w.name); err != nil {
				return err
			}
		}
		certificate, err = w.follow(ctx, current)
		current = nil
		return err
	})
	return certificate, err
}

func transient(err error) bool {
	return errors.Is(err, ErrPending) || errors.Is(err, ErrUnsigned) || apiclient.IsTransient(err)
}

type waiter struct {
	requests certificatesv1client.CertificateSigningRequestInterface
	name     string
	uid      types.UID
	tell     func(error)
	explain  func(Request) string
	// silent fires when state, the text of what was last seen, has lasted;
	// explained is the same with who is silent.
	silent    *time.Timer
	state     string
	explained error
}

func get(ctx context.Context, requests certificatesv1client.CertificateSigningRequestInterface, name string) (*certificatesv1.CertificateSigningRequest, error) {
	request, err := requests.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("request %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("get request %s: %w", name, err)
	}
	return request, nil
}

// follow watches from the given state on until the request ends or the watch
// does, when it returns the state last seen.
func (w *waiter) follow(ctx context.Context, request *certificatesv1.CertificateSigningRequest) ([]byte, error) {
	certificate, state := w.see(request)
	if !transient(state) {
		return certificate, state
	}
	limit := int64(60)
	stream, err := w.requests.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", w.name).String(),
		ResourceVersion: request.ResourceVersion,
		TimeoutSeconds:  &limit,
	})
	if err != nil {
		return nil, fmt.Errorf("watch request %s: %w", w.name, err)
	}
	defer stream.Stop()
	slow := time.NewTimer(patience)
	defer slow.Stop()
	isSlow := false
	for {
		select {
		case <-ctx.Done():
			return nil, state
		case <-slow.C:
			isSlow = true
		case <-w.silent.C:
			w.explained = fmt.Errorf("%w; %s", state, w.explain(Decode(request)))
			state = w.explained
		case event, ok := <-stream.ResultChan():
			if !ok || event.Type == watch.Error {
				return nil, state
			}
			if event.Type == watch.Deleted {
				return nil, fmt.Errorf("request %s: %w: it was deleted", w.name, ErrNotFound)
			}
			if changed, ok := event.Object.(*certificatesv1.CertificateSigningRequest); ok {
				request = changed
				certificate, state = w.see(changed)
			}
			if !transient(state) {
				return certificate, state
			}
		}
		if isSlow {
			w.tell(state)
		}
	}
}

// see judges the request, and adds who is silent where that is known of the same
// state.
func (w *waiter) see(request *certificatesv1.CertificateSigningRequest) ([]byte, error) {
	certificate, state := w.judge(request)
	if state == nil {
		return certificate, nil
	}
	if state.Error() != w.state {
		w.state, w.explained = state.Error(), nil
		w.silent.Reset(silence)
	}
	if w.explained != nil {
		return certificate, w.explained
	}
	return certificate, state
}

// judge returns the certificate of the request, or why it has none.
func (w *waiter) judge(request *certificatesv1.CertificateSigningRequest) ([]byte, error) {
	if w.uid != "" && request.UID != w.uid {
		return nil, fmt.Errorf("request %s: %w", w.name, ErrReplaced)
	}
	state := ErrPending
	for _, condition := range request.Status.Conditions {
		if !isTrue(condition) {
			continue
		}
		switch condition.Type {
		case certificatesv1.CertificateDenied:
			return nil, &RefusedError{w.name, ErrDenied, condition.Reason, condition.Message}
		case certificatesv1.CertificateFailed:
			return nil, &RefusedError{w.name, ErrFailed, condition.Reason, condition.Message}
		case certificatesv1.CertificateApproved:
			state = ErrUnsigned
		}
	}
	if len(request.Status.Certificate) > 0 && errors.Is(state, ErrUnsigned) {
		return request.Status.Certificate, nil
	}
	return nil, fmt.Errorf("request %s: %w", w.name, state)
}

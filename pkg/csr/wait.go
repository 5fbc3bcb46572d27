package csr

import (
	"context"
	"errors"
	"fmt"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"

	"github.com/bootctl/bootctl/pkg/kubeclient"
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

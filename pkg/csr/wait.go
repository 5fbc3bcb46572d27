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

// RequestError is an error about one CSR, such as one that matches ErrPending, or ErrDenied
// with the reason and the message.
type RequestError struct {
	Name string
	Err  error
}

func (e *RequestError) Error() string { return fmt.Sprintf("CSR %s: %v", e.Name, e.Err) }

// Unwrap returns Err.
func (e *RequestError) Unwrap() error { return e.Err }

// WaitOptions are the options of Wait.
type WaitOptions struct {
	// Observer receives the state of the CSR as Waiting, once it has lasted 1.5 s, and
	// again when it changes.
	Observer kubeclient.Observer
	// Explain returns what a CSR waits for, once it has waited for 30 s; nil means the
	// function Explain with AutoApprovalUnknown.
	Explain func(Request) string
}

// How long a CSR waits before the observer receives its state, and before the state is
// explained.
const (
	slowAfter    = 1500 * time.Millisecond
	explainAfter = 30 * time.Second
)

// A watch stays open although its token was deleted meanwhile, so it is opened again: first
// after the time for which the API server caches that the token is valid, then every 2 s,
// and after 30 s less and less often.
const (
	firstWindow  = 10 * time.Second
	shortWindow  = 2 * time.Second
	longWindow   = 15 * time.Second
	shortWindows = 15
	// grace is how much longer than its window a watch may last before its connection
	// is considered dead.
	grace = 3 * time.Second
)

// window returns how long the n-th watch lasts, counted from 0.
func window(n int) time.Duration {
	if n == 0 {
		return firstWindow
	}
	return min(max(shortWindow, time.Duration(n-shortWindows+2)*time.Second), longWindow)
}

// Wait follows the CSR until it has a certificate, which it returns in PEM. It immediately
// returns an error that matches ErrDenied, ErrFailed, ErrNotFound or ErrReplaced, and at the
// deadline of ctx a *kubeclient.DeadlineError with the last state, such as ErrPending.
//
// Access: get and watch on certificatesigningrequests.
func Wait(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, request *certificatesv1.CertificateSigningRequest, opts WaitOptions) ([]byte, error) {
	if opts.Explain == nil {
		opts.Explain = func(r Request) string { return Explain(r, AutoApprovalUnknown) }
	}
	w := &waiter{WaitOptions: opts, client: client, uid: string(request.UID), slow: time.NewTimer(slowAfter), unchanged: time.NewTimer(explainAfter)}
	w.see(Decode(request))
	wait := kubeclient.Wait{Transient: kubeclient.TolerateAuthErrors(transient), Observer: w.report}
	if err := kubeclient.Until(ctx, wait, w.follow); err != nil {
		return nil, err
	}
	return w.request.Certificate, nil
}

func transient(err error) bool {
	return errors.Is(err, ErrPending) || errors.Is(err, ErrUnsigned) || apierrors.IsResourceExpired(err) || kubeclient.IsTransient(err)
}

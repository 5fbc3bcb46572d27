package kubeclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// DeadlineError means that the deadline has passed. It unwraps to Last, which is the last
// error, and to context.DeadlineExceeded.
type DeadlineError struct{ Last error }

func (e *DeadlineError) Error() string { return fmt.Sprintf("gave up waiting: %v", e.Last) }

func (e *DeadlineError) Unwrap() []error { return []error{e.Last, context.DeadlineExceeded} }

// Backoff between attempts.
const (
	minDelay = 200 * time.Millisecond
	maxDelay = 5 * time.Second
	maxAsked = 30 * time.Second // the longest Retry-After that is honored
)

// ErrNoAnswer is reported while a request has no response yet.
var ErrNoAnswer = errors.New("no response yet")

// Wait configures Until.
type Wait struct {
	// Transient reports whether to retry after an error. It must not be nil.
	Transient func(error) bool
	// Observer receives each transient error whose text differs from the previous one,
	// as Waiting.
	Observer Observer
	// Slow is the error to report if one attempt takes more than 1.5 seconds, such as
	// ErrNoAnswer; nil reports nothing.
	Slow error
}

// slowAfter is how long an attempt may take before it counts as slow.
const slowAfter = 1500 * time.Millisecond

// Until calls attempt until it succeeds or fails with an error that is not transient. It
// returns a *DeadlineError if the deadline of ctx passes first, and the cause of ctx if
// ctx is canceled. Pauses grow, with jitter; a Retry-After of the server is honored up
// to 30 seconds. With the context that attempt receives, each call is one request.
func Until(ctx context.Context, wait Wait, attempt func(context.Context) error) error {
	var last error
	ctx = context.WithValue(ctx, isSingle{}, true)
	report, stop := reporter(wait.Observer)
	defer stop()
	for delay := minDelay; ; delay = min(2*delay, maxDelay) {
		slow := time.AfterFunc(slowAfter, func() { report(wait.Slow) })
		err := attempt(ctx)
		slow.Stop()
		switch {
		case err == nil:
			return nil
		case errors.Is(ctx.Err(), context.Canceled):
			return context.Cause(ctx)
		case ctx.Err() != nil && last != nil && errors.Is(err, context.DeadlineExceeded):
			return &DeadlineError{last}
		case ctx.Err() != nil:
			return &DeadlineError{err}
		case !wait.Transient(err):
			return err
		}
		report(err)
		last = err
		select {
		case <-ctx.Done():
		case <-time.After(pause(delay, err)): //nolint:forbidigo // this is the one place that waits
		}
	}
}

// Retry makes a call until it succeeds or fails with an error that is not transient, as
// Until does. It tolerates authentication errors at first, because an API server may
// not yet see what another one has stored.
func Retry[T any](ctx context.Context, transient func(error) bool, observer Observer, call func(context.Context) (T, error)) (value T, err error) {
	wait := Wait{Transient: TolerateAuthErrors(transient), Observer: observer, Slow: ErrNoAnswer}
	err = Until(ctx, wait, func(ctx context.Context) (err error) {
		value, err = call(ctx)
		return err
	})
	return value, err
}

// reporter returns report, which notifies the observer of each error that differs from
// the previous one, and stop, after which the observer is neither running nor called again.
func reporter(observer Observer) (report func(error), stop func()) {
	var mu sync.Mutex
	last := ""
	report = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && err.Error() != last {
			last = err.Error()
			observer.Notify(Event{Waiting: err})
		}
	}
	stop = func() {
		mu.Lock()
		defer mu.Unlock()
		observer = nil
	}
	return report, stop
}

// pause returns the time to wait: delay plus or minus up to half of it, or the time that
// the server asked for.
func pause(delay time.Duration, err error) time.Duration {
	delay = delay/2 + rand.N(delay) //nolint:gosec // jitter, not a secret
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		return max(delay, min(time.Duration(seconds)*time.Second, maxAsked))
	}
	return delay
}

// Event reports the progress of an operation that takes time. Only the field that the
// event is about is set.
type Event struct {
	// Step is the name of a step that begins.
	Step string
	// Waiting is the error that the operation retries after. It is reported again when it changes.
	Waiting error
	// CSR is the CSR as stored by the API server, once it has been submitted.
	CSR *certificatesv1.CertificateSigningRequest
	// ClockBehind is how far this machine's clock is behind the server's; negative if it
	// is ahead. It is reported once, and only if the difference is more than a minute.
	ClockBehind time.Duration
}

// Observer receives the events of an operation that takes time, possibly from several
// goroutines. A nil Observer ignores them.
type Observer func(Event)

// Notify calls the observer, if there is one.
func (o Observer) Notify(event Event) {
	if o != nil {
		o(event)
	}
}

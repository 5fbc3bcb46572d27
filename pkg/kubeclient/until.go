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

// DeadlineError means that the time ran out. Last is what was last seen, and is
// what it unwraps to, beside context.DeadlineExceeded.
type DeadlineError struct{ Last error }

func (e *DeadlineError) Error() string { return fmt.Sprintf("gave up waiting: %v", e.Last) }

func (e *DeadlineError) Unwrap() []error { return []error{e.Last, context.DeadlineExceeded} }

// Backoff between attempts.
const (
	minDelay = 200 * time.Millisecond
	maxDelay = 5 * time.Second
	maxAsked = 30 * time.Second // the longest Retry-After that is honoured
)

// ErrNoAnswer is reported while a request has no answer yet.
var ErrNoAnswer = errors.New("no answer yet")

// Wait says how Until waits.
type Wait struct {
	// Transient says which errors to try again after. It must not be nil.
	Transient func(error) bool
	// Observer receives each transient error that reads differently from the one
	// before, as Waiting.
	Observer Observer
	// Slow is the error to report when one attempt takes over a second and a
	// half, such as ErrNoAnswer; nil means nothing.
	Slow error
}

// slowAfter is how long an attempt may take before it counts as slow.
const slowAfter = 1500 * time.Millisecond

// Until calls attempt until it succeeds or fails with an error that is not
// transient. It returns a *DeadlineError when the deadline of ctx passes first,
// and the cause of ctx when that is cancelled. Pauses grow, with jitter; a
// Retry-After of the server is honoured up to 30 seconds. With the context that
// attempt is given, each call is one request.
func Until(ctx context.Context, wait Wait, attempt func(context.Context) error) error {
	var last error
	ctx = context.WithValue(ctx, isSingle{}, true)
	tell, silence := reporter(wait.Observer)
	defer silence()
	for delay := minDelay; ; delay = min(2*delay, maxDelay) {
		slow := time.AfterFunc(slowAfter, func() { tell(wait.Slow) })
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
		tell(err)
		last = err
		select {
		case <-ctx.Done():
		case <-time.After(pause(delay, err)): //nolint:forbidigo // this is the one place that waits
		}
	}
}

// Retry makes a call until it succeeds or fails with an error that is not transient, as
// Until does. Errors of authentication are tolerated for a while, since an API server
// may not see yet what another one stored.
func Retry[T any](ctx context.Context, transient func(error) bool, observer Observer, call func(context.Context) (T, error)) (value T, err error) {
	wait := Wait{Transient: TolerateAuthErrors(transient), Observer: observer, Slow: ErrNoAnswer}
	err = Until(ctx, wait, func(ctx context.Context) (err error) {
		value, err = call(ctx)
		return err
	})
	return value, err
}

// reporter returns tell, which reports each error that differs from the previous one,
// and silence, after which the observer is neither running nor called again.
func reporter(observer Observer) (tell func(error), silence func()) {
	var mu sync.Mutex
	said := ""
	tell = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && err.Error() != said {
			said = err.Error()
			observer.Notify(Event{Waiting: err})
		}
	}
	silence = func() {
		mu.Lock()
		defer mu.Unlock()
		observer = nil
	}
	return tell, silence
}

// pause returns the time to wait: delay with up to half of it more or less, or
// what the server asked for.
func pause(delay time.Duration, err error) time.Duration {
	delay = delay/2 + rand.N(delay) //nolint:gosec // jitter, not a secret
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		return max(delay, min(time.Duration(seconds)*time.Second, maxAsked))
	}
	return delay
}

// Event reports the progress of work that takes time. Only the field that the event is
// about is set.
type Event struct {
	// Step is the name of a step that begins.
	Step string
	// Waiting is the error that the work waits out. It is reported again when it changes.
	Waiting error
	// CSR is the CSR as the API server has it, once it was submitted.
	CSR *certificatesv1.CertificateSigningRequest
	// ClockBehind is how far the clock of this machine is behind the server's, negative
	// when it is ahead. It is reported once, and only if it is over a minute.
	ClockBehind time.Duration
}

// Observer receives the events of work that takes time, possibly from several
// goroutines. A nil Observer ignores them.
type Observer func(Event)

// Notify calls the observer, if there is one.
func (o Observer) Notify(event Event) {
	if o != nil {
		o(event)
	}
}

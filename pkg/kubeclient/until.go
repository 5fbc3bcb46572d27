package kubeclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

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

// ErrNoAnswer is what a wait is told to say while a request has no answer yet.
var ErrNoAnswer = errors.New("no answer yet")

// Wait says how Until waits.
type Wait struct {
	// Transient says which errors to try again after. It must not be nil.
	Transient func(error) bool
	// Cause is told of each transient error that reads differently from the
	// one before; nil means nobody is. It is never called twice at a time.
	Cause func(error)
	// Slow is what Cause hears when one attempt takes over a second and a
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
	ctx = withSingle(ctx)
	tell, silence := reporter(wait.Cause)
	defer silence()
	for delay := minDelay; ; delay = min(2*delay, maxDelay) {
		err := timed(func() error { return attempt(ctx) }, func() { tell(wait.Slow) })
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

// timed calls slow when attempt takes longer than patience.
func timed(attempt func() error, slow func()) error {
	timer := time.AfterFunc(slowAfter, slow)
	defer timer.Stop()
	return attempt()
}

// reporter returns a function that tells cause what it has not just been told,
// and one after whose return cause is neither running nor called again.
func reporter(cause func(error)) (tell func(error), silence func()) {
	var mu sync.Mutex
	said := ""
	tell = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if cause != nil && err != nil && err.Error() != said {
			said = err.Error()
			cause(err)
		}
	}
	silence = func() {
		mu.Lock()
		defer mu.Unlock()
		cause = nil
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

package kubeclient_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Pauses begin near 0.2 s, double, and stay below 7.5 s.
func TestUntil_Pauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var at []time.Time
		err := kubeclient.Until(ctx, kubeclient.Wait{Transient: again}, func(context.Context) error {
			at = append(at, time.Now())
			return errAgain
		})
		if !errors.Is(err, context.DeadlineExceeded) || len(at) < 100 {
			t.Fatalf("%d attempts, %v", len(at), err)
		}
		delay, different := 200*time.Millisecond, false
		for i := range len(at) - 2 { // the deadline cuts off the last one
			pause := at[i+1].Sub(at[i])
			if pause < delay/2 || pause >= delay*3/2 {
				t.Fatalf("pause %d is %v, want %v plus or minus up to half of it", i, pause, delay)
			}
			different = different || (i > 10 && pause != at[i].Sub(at[i-1]))
			delay = min(2*delay, 5*time.Second)
		}
		if !different {
			t.Error("the pauses have no jitter")
		}
	})
}

// The deadline ends a pause or an attempt immediately, and the error contains the last
// complete error rather than the cancellation of the last attempt.
func TestUntil_Deadline(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("cut short: %w", ctx.Err())
	}
	tests := []struct {
		name    string
		attempt func(n int) func(context.Context) error
		wantErr error
	}{
		{"in a pause", func(int) func(context.Context) error { return func(context.Context) error { return errAgain } }, errAgain},
		{"in a later attempt", func(n int) func(context.Context) error {
			if n == 1 {
				return func(context.Context) error { return errAgain }
			}
			return hang
		}, errAgain},
		{"in the first attempt", func(int) func(context.Context) error { return hang }, context.DeadlineExceeded},
		{"with another error", func(n int) func(context.Context) error {
			return func(ctx context.Context) error {
				if n == 1 {
					return errAgain
				}
				<-ctx.Done()
				return errFinal
			}
		}, errFinal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, n := time.Now(), 0
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := kubeclient.Until(ctx, kubeclient.Wait{Transient: again}, func(ctx context.Context) error {
					n++
					return test.attempt(n)(ctx)
				})
				var late *kubeclient.DeadlineError
				if !errors.As(err, &late) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(late.Last, test.wantErr) {
					t.Errorf("error = %v, want a DeadlineError over %v", err, test.wantErr)
				}
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("it took %v, want 10s", took)
				}
			})
		})
	}
}

// A success at the deadline counts.
func TestUntil_SuccessAtDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := kubeclient.Until(ctx, kubeclient.Wait{Transient: again}, func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})
		if err != nil {
			t.Errorf("error = %v", err)
		}
	})
}

// When canceled in a pause or in an attempt, Until returns the cause immediately.
func TestUntil_ContextCanceled(t *testing.T) {
	tests := []struct {
		name    string
		cause   error
		attempt func(context.Context) error
		wantErr error
	}{
		{"in a pause", errFinal, func(context.Context) error { return errAgain }, errFinal},
		{"in an attempt", errFinal, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, errFinal},
		{"without a cause", nil, func(context.Context) error { return errAgain }, context.Canceled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Minute, func() { cancel(test.cause) })
				start := time.Now()
				err := kubeclient.Until(ctx, kubeclient.Wait{Transient: again}, test.attempt)
				if !errors.Is(err, test.wantErr) || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error = %v, want %v", err, test.wantErr)
				}
				if took := time.Since(start); took != time.Minute {
					t.Errorf("it took %v, want a minute", took)
				}
			})
		})
	}
}

// The server's Retry-After is a minimum: a value below the planned pause has no effect.
func TestUntil_RetryAfter(t *testing.T) {
	resource := schema.GroupResource{Resource: "secrets"}
	tests := []struct {
		name     string
		err      error
		from, to time.Duration
	}{
		{"asked for less", apierrors.NewTooManyRequests("x", 0), 100 * time.Millisecond, 300 * time.Millisecond},
		{"asked for more", apierrors.NewTooManyRequests("x", 20), 20 * time.Second, 20 * time.Second},
		{"asked for the most", apierrors.NewTooManyRequests("x", 30), 30 * time.Second, 30 * time.Second},
		{"asked for too much", apierrors.NewTooManyRequests("x", 31), 30 * time.Second, 30 * time.Second},
		{"asked for a negative time", apierrors.NewTooManyRequests("x", -5), 100 * time.Millisecond, 300 * time.Millisecond},
		{"server timeout", apierrors.NewServerTimeout(resource, "get", 7), 7 * time.Second, 7 * time.Second},
		{"wrapped", fmt.Errorf("get: %w", apierrors.NewTooManyRequests("x", 9)), 9 * time.Second, 9 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, n := time.Now(), 0
				wait := kubeclient.Wait{Transient: kubeclient.IsTransient}
				err := kubeclient.Until(t.Context(), wait, func(context.Context) error {
					if n++; n == 2 {
						return nil
					}
					return test.err
				})
				if took := time.Since(start); err != nil || took < test.from || took > test.to {
					t.Errorf("paused %v, want between %v and %v (%v)", took, test.from, test.to, err)
				}
			})
		})
	}
}

// Slow is reported after 1.5 s, once for consecutive slow attempts, and never for a
// quick one.
func TestUntil_ReportsSlowCalls(t *testing.T) {
	tests := []struct {
		name string
		take time.Duration
		slow error
		want []time.Duration
	}{
		{"quick", 1499 * time.Millisecond, kubeclient.ErrNoAnswer, nil},
		{"slow", 1501 * time.Millisecond, kubeclient.ErrNoAnswer, []time.Duration{1500 * time.Millisecond}},
		{"slow, without an error to report", 1501 * time.Millisecond, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var reported []time.Duration
				wait := kubeclient.Wait{Transient: again, Slow: test.slow, Observer: func(event kubeclient.Event) {
					if !errors.Is(event.Waiting, test.slow) {
						t.Errorf("reported %v, want %v", event.Waiting, test.slow)
					}
					reported = append(reported, time.Since(start))
				}}
				err := kubeclient.Until(t.Context(), wait, func(context.Context) error {
					time.Sleep(test.take)
					return nil
				})
				if err != nil || fmt.Sprint(reported) != fmt.Sprint(test.want) {
					t.Errorf("reported after %v, want %v (%v)", reported, test.want, err)
				}
			})
		})
	}
}

// The observer may be nil.
func TestUntil_NoObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		err := kubeclient.Until(t.Context(), kubeclient.Wait{Transient: again, Slow: kubeclient.ErrNoAnswer}, func(context.Context) error {
			time.Sleep(2 * time.Second)
			if n++; n == 3 {
				return nil
			}
			return errAgain
		})
		if err != nil || n != 3 {
			t.Errorf("%d attempts, %v", n, err)
		}
	})
}

package kubeclient_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

var (
	errAgain = errors.New("again")
	errFinal = errors.New("final")
)

func again(err error) bool { return errors.Is(err, errAgain) || apierrors.IsTooManyRequests(err) }

func TestUntil(t *testing.T) {
	tests := []struct {
		name    string
		errs    []error // of the attempts; the last one repeats
		wantErr error
		calls   int // 0 means more than ten
	}{
		{"immediately", []error{nil}, nil, 1},
		{"after two errors", []error{errAgain, errAgain, nil}, nil, 3},
		{"final", []error{errAgain, errFinal}, errFinal, 2},
		{"never", []error{errAgain}, errAgain, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				calls := 0
				err := kubeclient.Until(ctx, kubeclient.Wait{Transient: again}, func(context.Context) error {
					calls++
					return tt.errs[min(calls, len(tt.errs))-1]
				})
				if !errors.Is(err, tt.wantErr) || (err == nil) != (tt.wantErr == nil) {
					t.Errorf("error = %v, want %v", err, tt.wantErr)
				}
				if calls != tt.calls && (tt.calls != 0 || calls < 10) {
					t.Errorf("%d attempts, want %d", calls, tt.calls)
				}
				if (tt.calls == 0) != errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error = %v does not match whether the deadline passed", err)
				}
			})
		})
	}
}

func TestUntil_FinalCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(errFinal) })
		err := kubeclient.Until(ctx, kubeclient.Wait{Transient: again}, func(context.Context) error { return errAgain })
		if !errors.Is(err, errFinal) {
			t.Errorf("error = %v, want the cause", err)
		}
	})
}

func TestUntil_RetryAfterLimit(t *testing.T) {
	for asked, want := range map[int]time.Duration{7: 7 * time.Second, 1e9: 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			err := kubeclient.Until(t.Context(), kubeclient.Wait{Transient: again}, func(context.Context) error {
				if at = append(at, time.Now()); len(at) == 2 {
					return nil
				}
				return apierrors.NewTooManyRequests("slow down", asked)
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := at[1].Sub(at[0]); got != want {
				t.Errorf("asked for %d s, waited %v, want %v", asked, got, want)
			}
		})
	}
}

func TestUntil_EachCauseOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reported []string
		calls := 0
		wait := kubeclient.Wait{Transient: again, Slow: kubeclient.ErrNoAnswer, Observer: func(event kubeclient.Event) { reported = append(reported, event.Waiting.Error()) }}
		err := kubeclient.Until(t.Context(), wait, func(context.Context) error {
			switch calls++; calls {
			case 1, 2, 3:
				return errAgain
			case 4:
				time.Sleep(2 * time.Second)
				return errAgain
			}
			return nil
		})
		if want := []string{"again", "no response yet", "again"}; err != nil || !slices.Equal(reported, want) {
			t.Errorf("reported %q, want %q (%v)", reported, want, err)
		}
	})
}

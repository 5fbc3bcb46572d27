package kubeclient

import (
	"context"

	"time"

	"k8s.io/client-go/util/workqueue"
)

// workers is the maximum number of concurrent calls of Concurrently.
const workers = 32

// Concurrently calls do with each index below n, several at a time, and returns when all
// calls have returned. A call in progress gets a grace period after ctx ends, so that
// the outcome of its request can be reported; the context of a later call has already
// ended.
func Concurrently(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	workqueue.ParallelizeUntil(context.WithoutCancel(ctx), workers, n, func(i int) {
		one := ctx
		if ctx.Err() == nil {
			var cancel context.CancelFunc
			one, cancel = WithGracePeriod(ctx)
			defer cancel()
		}
		do(one, i)
	})
}

// WithGracePeriod returns a context that ends three seconds after ctx, so that an
// interrupt does not lose the response to a request: the server would continue, and
// create an object that the caller does not know about.
func WithGracePeriod(ctx context.Context) (context.Context, context.CancelFunc) {
	const by = 3 * time.Second
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(by, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() { stop(); cancel(nil) }
}

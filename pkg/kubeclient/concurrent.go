package kubeclient

import (
	"context"

	"time"

	"k8s.io/client-go/util/workqueue"
)

// workers is how many calls of Concurrently are under way at a time.
const workers = 32

// Concurrently calls do with each index below n, several at a time, and returns
// when all calls have returned. A call that has begun gets a grace period after ctx
// ends, so that the outcome of what was sent can be reported; the context of a call
// that begins later has ended already.
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
// interrupt does not cut off the answer to what was sent: the server would go on,
// and make an object that nobody knows of.
func WithGracePeriod(ctx context.Context) (context.Context, context.CancelFunc) {
	const by = 3 * time.Second
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(by, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() { stop(); cancel(nil) }
}

package kubeclient

import (
	"context"
	"time"
)

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

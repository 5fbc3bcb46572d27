package kubeclient

import (
	"context"
	"sync"
	"sync/atomic"
)

// workers is how many calls of Concurrently are under way at a time.
const workers = 32

// Concurrently calls do with each index below n, several at a time, and returns
// when all calls have returned. A call that has begun gets a grace period after ctx
// ends, so that the outcome of what was sent can be reported; the context of a call
// that begins later has ended already.
func Concurrently(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(workers, n) {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				one, cancel := ctx, context.CancelFunc(func() {})
				if ctx.Err() == nil {
					one, cancel = WithGracePeriod(ctx)
				}
				do(one, int(i))
				cancel()
			}
		})
	}
	running.Wait()
}

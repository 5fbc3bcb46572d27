package cli

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// workers is how many requests of a bulk command are under way at a time.
const workers = 32

// Concurrently calls do with each index below n, several at a time, and returns
// when all have been. On a terminal it shows how many. The context of a call that
// has begun outlasts ctx, so that what was sent is told as what became of it.
func (e *Env) Concurrently(ctx context.Context, doing string, n int, do func(ctx context.Context, i int)) {
	var done atomic.Int64
	stop := e.StartStatusLine(func() string { return fmt.Sprintf("%s %d of %d", doing, done.Load(), n) })
	defer stop()
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(workers, n) {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				one, cancel := ctx, context.CancelFunc(func() {})
				if ctx.Err() == nil {
					one, cancel = kubeclient.WithGracePeriod(ctx)
				}
				do(one, int(i))
				cancel()
				done.Add(1)
			}
		})
	}
	running.Wait()
}

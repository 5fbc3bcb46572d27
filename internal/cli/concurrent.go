package cli

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Concurrently calls do as kubeclient.Concurrently does. On a terminal it shows how
// many calls have returned.
func (e *Env) Concurrently(ctx context.Context, doing string, n int, do func(ctx context.Context, i int)) {
	count, stop := e.Count(doing, n)
	defer stop()
	kubeclient.Concurrently(ctx, n, func(ctx context.Context, i int) {
		do(ctx, i)
		count()
	})
}

// Count shows on a terminal how many of n things are done, until stop is called.
// count adds one of them, and may be called from several goroutines.
func (e *Env) Count(doing string, n int) (count, stop func()) {
	var done atomic.Int64
	stop = e.StartStatusLine(func() string { return fmt.Sprintf("%s %d of %d", doing, done.Load(), n) })
	return func() { done.Add(1) }, stop
}

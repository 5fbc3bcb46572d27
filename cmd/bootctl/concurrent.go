package main

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// workers is how many requests of a bulk command are under way at a time.
const workers = 32

// concurrently calls do with each index below n, several at a time, and returns
// when all have been. On a terminal it shows how many.
func (e *env) concurrently(doing string, n int, do func(i int)) {
	var done atomic.Int64
	stop := e.follow(func() string { return fmt.Sprintf("%s %d of %d", doing, done.Load(), n) })
	defer stop()
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(workers, n) {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
				done.Add(1)
			}
		})
	}
	running.Wait()
}
